"""Mean and covariance of a stream do not depend on how it came."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.inputs import BLOCK
from tinygan.metrics.moments import FeatureMoments, add, covariance, empty, merge

SAME = 1e-10


def close(got, expected):
    """To 1e-10 of the largest number expected."""
    assert np.abs(got - expected).max() <= SAME * np.abs(expected).max()


@pytest.fixture
def features(rng):
    """Correlated, of unlike scales, far from zero."""
    return (rng.normal(size=(3000, 12)) @ rng.normal(size=(12, 12)) * np.logspace(-2, 2, 12) + 50).astype(np.float32)


def stream(x, size):
    moments = empty(x.shape[1])
    for start in range(0, len(x), size):
        moments = add(moments, x[start : start + size])
    return moments


def test_streamed_moments_equal_those_of_two_passes(features):
    moments = add(empty(12), features)
    exact = features.astype(np.float64)
    assert moments.n == 3000
    close(moments.mean, exact.mean(axis=0))
    close(covariance(moments), np.cov(exact, rowvar=False))


@pytest.mark.parametrize("size", [1, 7, 64, 1024, 2999])
def test_batch_size_does_not_matter(features, size):
    whole, parts = add(empty(12), features), stream(features, size)
    close(parts.mean, whole.mean)
    close(covariance(parts), covariance(whole))


def test_order_does_not_matter(features, rng):
    whole, mixed = add(empty(12), features), add(empty(12), rng.permutation(features))
    close(mixed.mean, whole.mean)
    close(covariance(mixed), covariance(whole))


def test_a_merge_is_the_moments_of_both(features):
    whole, both = add(empty(12), features), merge(stream(features[:1900], 50), stream(features[1900:], 333))
    assert both.n == 3000
    close(both.mean, whole.mean)
    close(covariance(both), covariance(whole))


def test_memory_does_not_grow_with_the_stream(rng):
    moments = empty(5)
    for _ in range(40):
        moments = add(moments, rng.normal(size=(300, 5)))
        assert len(moments.factor) <= 5 + BLOCK
    assert moments.n == 12_000


def test_a_large_mean_does_not_lose_precision(rng):
    x = rng.normal(size=(2000, 3))
    close(covariance(stream(x + 1e6, 100)), np.cov((x + 1e6) - 1e6, rowvar=False))


def test_nothing_added_changes_nothing(features):
    moments = add(empty(12), features)
    assert add(moments, features[:0]) is moments
    assert merge(empty(12), moments) is moments


def test_adding_leaves_the_old_moments_as_they_were(features):
    before = add(empty(12), features[:10])
    kept = FeatureMoments(before.n, before.mean.copy(), before.factor.copy())
    add(before, features)
    np.testing.assert_array_equal(before.factor, kept.factor)
    np.testing.assert_array_equal(before.mean, kept.mean)


def test_one_sample_has_no_covariance():
    with pytest.raises(UsageError, match="a covariance of 1 samples; expected at least 2"):
        covariance(add(empty(2), np.ones((1, 2))))


@pytest.mark.parametrize(
    ("x", "why"),
    [
        (np.ones(3), r"features are float64 \(3,\); expected real numbers \(n, d\)"),
        (np.ones((4, 3)), "features have 3 columns, the other set has 2"),
        (np.ones((4, 2), complex), "features are complex128"),
        (np.array([[1.0, np.nan]]), "features have a NaN, an infinity or a value above 1e"),
        (np.array([[1.0, 1e51]]), "features have a NaN, an infinity or a value above 1e"),
        (np.array([[1.0, -np.inf]]), "features have a NaN, an infinity or a value above 1e"),
        (np.ones((4, 0)), "d at least 1"),
    ],
)
def test_invalid_inputs_are_usage_errors_of_one_line(x, why):
    with pytest.raises(UsageError, match=why) as caught:
        add(empty(2), x)
    assert "\n" not in str(caught.value)


def test_moments_of_other_features_do_not_merge():
    with pytest.raises(UsageError, match="moments of 2 and 3 features cannot be merged"):
        merge(empty(2), empty(3))
