"""Truncated latents keep their bound and have the variance of the truncated normal distribution."""

import math

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.sampling.truncation import truncated, variance

TAUS = [2.0, 1.3, 1.2, 1.0, 0.5, 0.1]


@pytest.mark.parametrize("tau", [*TAUS, 1e-3])
def test_the_bound_holds_and_the_variance_is_the_closed_form(tau, rng):
    z = truncated(rng, (1000, 200), tau)
    assert z.shape == (1000, 200)
    assert z.dtype == np.float32
    assert np.abs(z.astype(np.float64)).max() <= tau  # 0.1 in float32 is above 0.1
    assert abs(z.var(dtype=np.float64) / variance(tau) - 1) <= 0.02
    assert abs(z.mean(dtype=np.float64)) <= 4 * math.sqrt(variance(tau) / z.size)


@pytest.mark.parametrize("tau", TAUS)
def test_its_distribution_is_that_of_the_normal_between_the_bounds(tau, rng):
    z = np.sort(truncated(rng, (20_000,), tau).astype(np.float64))
    inside = np.array([math.erf(v / math.sqrt(2)) for v in z]) / math.erf(tau / math.sqrt(2))
    distance = np.abs((1 + inside) / 2 - (np.arange(len(z)) + 0.5) / len(z)).max()
    assert distance <= 2 / math.sqrt(len(z))  # Kolmogorov: larger with a chance of 7e-4


@pytest.mark.parametrize("tau", [2.0, 0.5])
def test_a_seed_gives_the_same_latents_again(tau):
    first, again, other = (truncated(np.random.default_rng(seed), (50, 8), tau) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("tau", [1e-37, 1e-6, 30.0, 1e300])
def test_no_bound_is_too_small_or_too_large(tau, rng):
    z = truncated(rng, (40, 5), tau)
    assert np.isfinite(z).all() and z.any()
    assert np.abs(z.astype(np.float64)).max() <= tau


def test_an_empty_batch_is_drawn():
    assert truncated(np.random.default_rng(0), (0, 8), 1.0).shape == (0, 8)


@pytest.mark.parametrize("tau", [0.0, -1.0, 1e-39, math.nan, math.inf])
@pytest.mark.parametrize("ask", [lambda tau: truncated(np.random.default_rng(0), (2,), tau), variance])
def test_a_bound_that_makes_no_sense_is_refused(ask, tau):
    with pytest.raises(UsageError, match="a truncation is"):
        ask(tau)


@pytest.mark.parametrize("tau", [1e-9, 1e-3, *TAUS, 0.999, 6.0])
def test_the_variance_is_the_integral(tau):
    nodes, weights = np.polynomial.legendre.leggauss(60)
    z = tau * nodes
    density = weights * np.exp(-z * z / 2)
    assert abs(variance(tau) / ((z * z * density).sum() / density.sum()) - 1) <= 1e-12


def test_the_variance_is_one_formula_on_both_sides_of_one():
    assert abs(variance(1 - 1e-15) / variance(1.0) - 1) <= 1e-14
