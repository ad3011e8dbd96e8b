"""Frechet distance: zero for equal sets, the closed form for known Gaussians."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.frechet import Gaussian, distance, frechet, of_covariance, of_features, of_moments
from tinygan.metrics.moments import add, covariance, empty
from tinygan.metrics.statistics import load, save


@pytest.fixture
def pair(rng):
    """Features of two distributions, (500, 20) and (400, 20)."""
    mix = rng.normal(size=(2, 20, 20))
    return rng.normal(size=(500, 20)) @ mix[0], rng.normal(size=(400, 20)) @ mix[1] + 0.3


def rotation(rng, d):
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


@pytest.mark.parametrize(("n", "d"), [(500, 20), (2, 3), (15, 60), (3000, 64)])
def test_the_distance_of_a_set_to_itself_is_zero(rng, n, d):
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    trace = np.trace(np.cov(x, rowvar=False))
    a = of_features(x)
    b = of_moments(add(add(empty(d), x[n // 3 :]), x[: n // 3]))
    assert distance(a, a) <= 1e-12 * trace
    assert distance(a, b) <= 1e-12 * trace
    # not only because a negative value is cut off: 4 S against S is at tr(S)
    assert abs(distance(a, Gaussian(a.mean, 2 * a.factor)) - trace) <= 1e-12 * trace


@pytest.mark.parametrize("d", [1, 2, 30])
def test_gaussians_that_share_axes_have_the_closed_form(rng, d):
    axes = rotation(rng, d)
    s, t, m = rng.uniform(0.1, 3, size=(3, d))
    a = of_covariance(np.zeros(d), axes * s**2 @ axes.T)
    b = of_covariance(axes @ m, axes * t**2 @ axes.T)
    expected = np.square(m).sum() + np.square(s - t).sum()
    assert abs(distance(a, b) - expected) <= 1e-9 * expected
    assert abs(distance(b, a) - expected) <= 1e-9 * expected


def test_gaussians_of_the_plane_have_the_closed_form(rng):
    # tr √M = √(tr M + 2 √det M) for 2x2 matrices: axes need not be shared
    for _ in range(20):
        a, b = (f @ f.T for f in rng.normal(size=(2, 2, 2)))
        root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a) * np.linalg.det(b)))
        expected = np.trace(a) + np.trace(b) - 2 * root
        got = distance(of_covariance(np.zeros(2), a), of_covariance(np.zeros(2), b))
        assert abs(got - expected) <= 1e-9 * (np.trace(a) + np.trace(b))


def test_features_moments_and_stored_statistics_agree(pair, tmp_path):
    x, y = pair
    expected = frechet(x, y)
    stored = []
    for name, features in (("x", x), ("y", y)):
        save(tmp_path / f"{name}.npz", of_features(features))
        stored.append(load(tmp_path / f"{name}.npz"))
    assert abs(distance(*stored) - expected) <= 1e-9 * expected
    assert (
        abs(distance(of_covariance(x.mean(0), np.cov(x, rowvar=False)), of_features(y)) - expected) <= 1e-9 * expected
    )


@pytest.mark.parametrize("size", [1, 33, 256])
def test_batches_and_order_do_not_matter(pair, rng, size):
    x, y = pair
    moments = empty(20)
    shuffled = rng.permutation(x)
    for start in range(0, len(x), size):
        moments = add(moments, shuffled[start : start + size])
    assert abs(distance(of_moments(moments), of_features(y)) - frechet(x, y)) <= 1e-10 * frechet(x, y)


def test_fewer_samples_than_features_work(rng):
    x, y = rng.normal(size=(9, 40)), rng.normal(size=(12, 40)) + 1
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    # the non-zero eigenvalues of S₁S₂ are those of a small matrix
    values = np.linalg.eigvals(a @ b)
    root = np.sqrt(np.sort(values.real)[-8:]).sum()
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * root
    assert abs(frechet(x, y) - expected) <= 1e-8 * expected


def test_float32_and_strided_features_are_read_as_they_are(pair):
    x, y = (a.astype(np.float32) for a in pair)
    assert frechet(x[::2, ::-1], y[:, ::-1]) == frechet(x[::2, ::-1].astype(np.float64), y[:, ::-1].copy())


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (np.ones((1, 2)), np.ones((5, 2)), r"features are \(1, 2\); expected .* n at least 2"),
        (np.ones((5, 2)), np.ones((1, 2)), "n at least 2"),
        (np.ones((5, 2)), np.ones((5, 3)), "Gaussians of 2 and 3 features"),
        (np.ones((5, 2, 2)), np.ones((5, 2)), r"\(5, 2, 2\); expected real numbers \(n, d\)"),
        (np.full((5, 2), np.nan), np.ones((5, 2)), "NaN"),
    ],
)
def test_invalid_inputs_are_usage_errors(x, y, why):
    with pytest.raises(UsageError, match=why):
        frechet(x, y)


@pytest.mark.parametrize(
    ("mean", "matrix", "why"),
    [
        (np.zeros(2), np.eye(3), r"mean \(2,\) and covariance \(3, 3\)"),
        (np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]), "not symmetric"),
        (np.zeros(2), np.diag([1.0, -0.1]), "negative eigenvalue"),
        (np.array([0, np.inf]), np.eye(2), "means have a NaN, an infinity or a value above 1e"),
    ],
)
def test_an_invalid_covariance_is_a_usage_error(mean, matrix, why):
    with pytest.raises(UsageError, match=why):
        of_covariance(mean, matrix)


def test_a_covariance_kept_in_float32_is_accepted(rng):
    x = rng.normal(size=(30, 50))
    a = of_covariance(x.mean(0), np.cov(x, rowvar=False).astype(np.float32))
    assert distance(a, of_features(x)) <= 1e-3 * np.trace(np.cov(x, rowvar=False))


def test_the_covariance_of_moments_is_that_of_the_gaussian(pair):
    moments = add(empty(20), pair[0])
    factor = of_moments(moments).factor
    np.testing.assert_allclose(factor.T @ factor, covariance(moments), atol=1e-12)
