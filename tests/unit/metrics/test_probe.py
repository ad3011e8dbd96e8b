"""Linear probe: the optimum, not a point near it; label agreement."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics import inputs, probe
from tinygan.metrics.agreement import agreement


@pytest.fixture
def blobs(rng):
    """Features (400, 6) of four classes that overlap, of unlike scales."""
    labels = rng.integers(4, size=400)
    x = rng.normal(size=(4, 6))[labels] + rng.normal(size=(400, 6))
    return x * np.logspace(-3, 3, 6) + 100, labels


def loss(x, labels, weights, l2):
    """The docstring's L on standardised features, and its gradient."""
    a = np.c_[(x - x.mean(0)) / x.std(0), np.ones(len(x))]
    u = a @ weights
    p = np.exp(u - u.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    own = np.eye(weights.shape[1])[labels]
    decayed = np.r_[weights[:-1], np.zeros((1, weights.shape[1]))]
    value = -np.log((p * own).sum(1)).mean() + l2 / 2 * (decayed**2).sum()
    return value, a.T @ (p - own) / len(x) + l2 * decayed


@pytest.mark.parametrize("l2", [1e-4, 1e-2, 1.0])
def test_at_the_optimum_the_gradient_is_zero_and_every_direction_increases_the_loss(blobs, rng, l2):
    x, labels = blobs
    w = probe.fit(x, labels, of=4, l2=l2).weights
    value, gradient = loss(x, labels, w, l2)
    assert np.linalg.norm(gradient) <= 2e-8
    for _ in range(10):
        assert loss(x, labels, w + 1e-2 * rng.normal(size=w.shape), l2)[0] > value


def test_two_gaussians_have_the_theoretical_decision_boundary(rng):
    # of N(±μ, I), the best weights are 2μ between the classes (Fisher 1936)
    labels = np.arange(40_000) % 2
    mu = np.array([0.5, -1.0, 0.0])
    x = rng.normal(size=(40_000, 3)) + np.where(labels, 1, -1)[:, None] * mu
    fitted = probe.fit(x, labels, of=2, l2=1e-6)
    difference = (fitted.weights[:-1, 1] - fitted.weights[:-1, 0]) / fitted.scale
    np.testing.assert_allclose(difference, 2 * mu, atol=0.06)


def test_accuracy_is_counted_on_other_samples(blobs):
    x, labels = blobs
    fitted = probe.fit(x[:200], labels[:200], of=4)
    d = probe.logits(fitted, x[200:])
    assert d.shape == (200, 4)
    assert probe.probe_accuracy(fitted, x[200:], labels[200:]) == (d.argmax(1) == labels[200:]).mean() > 0.4


def test_separable_classes_and_missing_ones_have_an_optimum(rng):
    labels = np.repeat([0, 2], 20)
    x = np.where(labels, 10.0, -10.0)[:, None] + rng.normal(size=(40, 5))
    fitted = probe.fit(x, labels, of=3)
    assert np.isfinite(fitted.weights).all()
    assert probe.probe_accuracy(fitted, x, labels) == 1


def test_scales_shifts_and_constant_features_do_not_matter(blobs):
    x, labels = blobs
    plain = probe.fit(x, labels, of=4)
    other = probe.fit(np.c_[x * 1e3 - 5, np.full(len(x), 7.0)], labels, of=4)
    np.testing.assert_allclose(other.weights[[0, 1, 2, 3, 4, 5, 7]], plain.weights, atol=1e-5)
    np.testing.assert_array_equal(other.weights[6], 0)


def test_more_features_than_samples_and_float32_work(rng):
    x, labels = rng.normal(size=(30, 80)).astype(np.float32), np.arange(30) % 3
    assert probe.probe_accuracy(probe.fit(x, labels, of=3), x, labels) == 1


def test_blocks_do_not_matter(blobs, monkeypatch):
    x, labels = blobs
    whole = probe.fit(x, labels, of=4)
    monkeypatch.setattr(probe, "rows", lambda n: inputs.rows(n, 33))
    np.testing.assert_allclose(probe.fit(x, labels, of=4).weights, whole.weights, atol=1e-6)


def test_agreement_is_the_share_of_labels_found():
    logits = np.array([[2.0, 1, 0], [0, 3, 1], [0, 0, 1], [5, 0, 0]])
    assert agreement(logits, np.array([0, 1, 2, 2])) == 0.75


def test_invalid_inputs_are_usage_errors(blobs):
    x, labels = blobs
    with pytest.raises(UsageError, match=r"labels are int64 \(399,\); expected integers \(400,\)"):
        probe.fit(x, labels[:-1], of=4)
    with pytest.raises(UsageError, match="labels are from 0 to 3; expected 0 to 2"):
        probe.fit(x, labels, of=3)
    for wrong in (0, -1, np.inf, np.nan):
        with pytest.raises(UsageError, match=f"l2 is {wrong}; expected a positive number"):
            probe.fit(x, labels, of=4, l2=wrong)
    with pytest.raises(UsageError, match="features have a NaN"):
        probe.fit(x * np.nan, labels, of=4)
    with pytest.raises(UsageError, match="features have 3 columns"):
        probe.logits(probe.fit(x, labels, of=4), x[:, :3])
    with pytest.raises(UsageError, match=r"labels are float64 \(400,\)"):
        agreement(x, labels.astype(float))
