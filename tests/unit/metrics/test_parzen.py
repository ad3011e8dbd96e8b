"""Parzen windows: the density's formula, its logarithm where exp underflows, the choice of sigma."""

import math

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics import pairs
from tinygan.metrics.parzen import SIGMAS, log_likelihood, parzen


def test_it_is_the_logarithm_of_the_mean_density(rng):
    samples, x = rng.normal(size=(40, 3)), rng.normal(size=(6, 3))
    for sigma, got in zip((0.3, 1.0), log_likelihood(samples, x, np.array([0.3, 1.0])), strict=True):
        for point, value in zip(x, got, strict=True):
            densities = [
                math.exp(-sum((point - s) ** 2) / (2 * sigma**2)) / (2 * math.pi * sigma**2) ** 1.5 for s in samples
            ]
            assert abs(value - math.log(np.mean(densities))) <= 1e-10


def test_one_sample_has_a_gaussian_even_where_exp_is_zero():
    x = np.array([[1e4, 0.0]])
    expected = -1e8 / (2 * 0.01) - math.log(2 * math.pi * 0.01)
    assert abs(log_likelihood(np.zeros((1, 2)), x, np.array([0.1]))[0, 0] - expected) <= 1e-12 * 1e10


def test_blocks_do_not_matter(rng, monkeypatch):
    samples, x = rng.normal(size=(50, 3)), 3 * rng.normal(size=(20, 3))
    whole = log_likelihood(samples, x, SIGMAS)
    monkeypatch.setattr(pairs, "rows", lambda n: (slice(i, min(i + 7, n)) for i in range(0, n, 7)))
    np.testing.assert_allclose(log_likelihood(samples, x, SIGMAS), whole, rtol=1e-12)


def test_a_density_integrates_to_one(rng):
    t = np.linspace(-8, 8, 4001)
    p = np.exp(log_likelihood(rng.normal(size=(20, 1)), t[:, None], np.array([0.4])))[0]
    assert abs(p.sum() * (t[1] - t[0]) - 1) <= 1e-9


def test_sigma_is_chosen_on_the_validation_set(rng):
    samples, valid, test = rng.normal(size=(3, 300, 2))
    got = parzen(samples, valid, test)
    best = log_likelihood(samples, valid, SIGMAS).mean(axis=1)
    assert got.sigma == SIGMAS[best.argmax()]
    each = log_likelihood(samples, test, np.array([got.sigma]))[0]
    assert got.mean == each.mean()
    assert got.error == pytest.approx(each.std(ddof=1) / math.sqrt(300))
    entropy = -(1 + math.log(2 * math.pi))  # of two normal numbers, its negative
    assert entropy - 0.3 <= got.mean <= entropy + 5 * got.error


def test_invalid_inputs_are_usage_errors():
    x = np.ones((5, 2))
    with pytest.raises(UsageError, match="points have 1 columns"):
        parzen(x, x[:, :1], x)
    with pytest.raises(UsageError, match="test points have 1 columns"):
        parzen(x, x, x[:, :1])
    with pytest.raises(UsageError, match="the smallest sigma is 0"):
        log_likelihood(x, x, np.array([0.0, 1.0]))
    with pytest.raises(UsageError, match="samples have a NaN"):
        parzen(x * np.nan, x, x)
