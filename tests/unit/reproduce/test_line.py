"""Quadrature on the line: against what has a closed form."""

import numpy as np
import pytest

from tinygan.objectives.divergences import ROWS, divergence
from tinygan.reproduce.papers.line import (
    GaussianMixture,
    X,
    bound,
    by_samples,
    f_divergence,
    gaussian,
    integral,
    log_normal,
    nearest_gaussian,
)

P, Q = gaussian(0.0, 1.0), gaussian(1.0, 1.3)
MIXTURE = GaussianMixture((0.3, 0.7), (-1.5, 1.0), (0.5, 0.75))


def kl(a, b):
    """KL of two Gaussians (mean, sigma)."""
    return np.log(b[1] / a[1]) + (a[1] ** 2 + (a[0] - b[0]) ** 2) / (2 * b[1] ** 2) - 0.5


CLOSED = {  # of N(0, 1) and N(1, 1.69)
    "kl": kl((0, 1), (1, 1.3)),
    "reverse-kl": kl((1, 1.3), (0, 1)),
    "jeffrey": kl((0, 1), (1, 1.3)) + kl((1, 1.3), (0, 1)),
    "squared-hellinger": 2 - 2 * np.sqrt(2 * 1.3 / (1 + 1.69)) * np.exp(-1 / (4 * (1 + 1.69))),
    # ∫ p²/q = σ²/√(2σ² − 1) exp(μ²/(2σ² − 1)) of N(0, 1) and N(μ, σ²)
    "pearson": 1.69 / np.sqrt(2.38) * np.exp(1 / 2.38) - 1,
}


@pytest.mark.parametrize("name", CLOSED)
def test_a_divergence_of_two_gaussians_is_its_closed_form(name):
    assert f_divergence(ROWS[name], P.log(X), Q.log(X)) == pytest.approx(CLOSED[name], rel=1e-10)


def test_densities_integrate_to_1_and_samples_are_of_them(rng):
    assert integral(np.exp([P.log(X), Q.log(X), MIXTURE.log(X)])) == pytest.approx(np.ones(3), abs=1e-10)
    x = MIXTURE.draw(100_000, rng)
    assert x.shape == (100_000, 1) and x.dtype == np.float32
    for power in (1, 2, 3):
        mean, error = by_samples(lambda x, k=power: x[:, 0].astype(float) ** k, x)
        assert mean == pytest.approx(integral(np.exp(MIXTURE.log(X)) * X**power), abs=4 * error)
        assert error <= 0.05


@pytest.mark.parametrize("name", ["kl", "reverse-kl", "pearson", "jensen-shannon", "squared-hellinger", "gan"])
def test_the_bound_is_the_divergence_at_the_log_ratio_and_less_elsewhere(name):
    """Where v stands for u = p/q, found here from (f* ∘ g)'/g' = u by bisection."""
    row, log_p, log_q = ROWS[name], P.log(X), Q.log(X)
    low, high = np.full_like(X, -300.0), np.full_like(X, 300.0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for _ in range(80):
            v = (low + high) / 2
            below = row.h(v)[1] < np.exp(log_p - log_q) * row.g(v)[1]
            low, high = np.where(below, v, low), np.where(below, high, v)
    near = np.abs(X) <= 8  # in whose double precision all are held
    v = np.where(near, low, 0.0)
    truth = f_divergence(row, log_p, log_q)
    assert bound(row, v, log_p, log_q) == pytest.approx(truth, abs=1e-6)
    for way in (0.1 * np.sin(X), np.where(near, -0.2, 0.0)):
        assert bound(row, v + way, log_p, log_q) < truth - 1e-4


def test_the_nearest_gaussian_by_kl_has_the_moments_and_by_any_row_is_a_minimum():
    mean = 0.3 * -1.5 + 0.7 * 1.0
    sigma = np.sqrt(0.3 * (0.5**2 + (-1.5 - mean) ** 2) + 0.7 * (0.75**2 + (1.0 - mean) ** 2))
    assert nearest_gaussian(ROWS["kl"], MIXTURE) == pytest.approx((mean, sigma), abs=1e-5)
    for name in ("reverse-kl", "jensen-shannon", "pearson"):
        at = np.array(nearest_gaussian(ROWS[name], MIXTURE))
        least = f_divergence(ROWS[name], MIXTURE.log(X), log_normal(X, *at))
        for way in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]):
            assert f_divergence(ROWS[name], MIXTURE.log(X), log_normal(X, *(at + way))) > least


def test_the_information_of_a_sample_about_its_origin_is_the_jensen_shannon_divergence():
    """I(S; x) = H(S) − E H(S | x), S a coin, x of P where it shows 1, else of Q."""
    for pi in (0.5, 0.2):
        p, q = pi * np.exp(P.log(X)), (1 - pi) * np.exp(Q.log(X))
        chance = p / (p + q)
        left = -chance * np.log(chance) - (1 - chance) * np.log1p(-chance)
        told = -pi * np.log(pi) - (1 - pi) * np.log(1 - pi) - integral((p + q) * left)
        row = divergence("weighted-jensen-shannon", pi=pi)
        assert told == pytest.approx(f_divergence(row, P.log(X), Q.log(X)), abs=1e-12)
