"""Distributions on a line and their divergences by quadrature: the truth beside what is learned from samples.

Integrals are sums over equally spaced points (the trapezoidal rule, whose error for smooth densities that vanish at both ends
falls faster than any power of the spacing). Densities are kept as logarithms, so that a ratio is a difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.objectives.divergences import Divergence

X = np.linspace(-14, 14, 5601)  # beyond it no distribution here has 1e-9 of its mass
MOST = 300.0  # of log p/q, whose square a double still holds


class GaussianMixture(NamedTuple):
    """Gaussians by weight; one alone is N(mean, sigma²)."""

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sigmas: tuple[float, ...]

    def log(self, x: Array) -> Array:
        """log p(x), of the shape of x."""
        each = [
            math.log(w) + log_normal(x, mean, sigma)
            for w, mean, sigma in zip(self.weights, self.means, self.sigmas, strict=True)
        ]
        return np.logaddexp.reduce(each, axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """x (n, 1) float32."""
        k = rng.choice(len(self.weights), n, p=self.weights)
        x = np.array(self.means)[k] + np.array(self.sigmas)[k] * rng.standard_normal(n)
        return x.astype(np.float32)[:, None]


def gaussian(mean: float, sigma: float) -> GaussianMixture:
    """N(mean, sigma²)."""
    return GaussianMixture((1.0,), (mean,), (sigma,))


def log_normal(x: Array, mean: Array | float, sigma: Array | float) -> Array:
    """The logarithm of the density of N(mean, sigma²) at x, by broadcasting."""
    return -0.5 * ((x - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * math.log(2 * math.pi)


def integral(values: Array) -> Array:
    """∫ over the line of a function given at X, along the last axis."""
    return values.sum(axis=-1) * (X[1] - X[0])


def f_divergence(row: Divergence, log_p: Array, log_q: Array) -> Array:
    """D_f(P‖Q) = ∫ q f(p/q) of logarithms of densities at X, along the last axis."""
    return integral(np.exp(log_q) * row.f(np.exp(np.clip(log_p - log_q, -MOST, MOST))))


def bound(row: Divergence, v: Array, log_p: Array, log_q: Array) -> float:
    """F(V) = ∫ p g_f(v) − ∫ q f*(g_f(v)), which is never above D_f(P‖Q), of a net's numbers v at X."""
    return float(integral(np.exp(log_p) * row.g(v)[0] - np.exp(log_q) * row.h(v)[0]))


@cache
def nearest_gaussian(row: Divergence, p: GaussianMixture) -> tuple[float, float]:
    """(mean, sigma) of the Gaussian of the least D_f(P‖·): the best of a grid in (mean, log sigma), then of ever finer ones."""
    x = X[::4]  # enough for what is smooth, and the factor that ``integral`` then lacks moves no minimum
    log_p, at, half, points = p.log(x), np.zeros(2), np.array([3.0, 1.0]), np.linspace(-1, 1, 9)
    for _ in range(16):
        means, logs = np.meshgrid(at[0] + half[0] * points, at[1] + half[1] * points)
        best = f_divergence(row, log_p, log_normal(x, means[..., None], np.exp(logs)[..., None])).argmin()
        at, half = np.array([means.flat[best], logs.flat[best]]), half / 3
    return float(at[0]), math.exp(at[1])


def by_samples(f: Callable[[Array], Array], x: Array) -> tuple[float, float]:
    """The mean of f over samples, and its standard error."""
    values = f(x)
    return float(values.mean()), float(values.std() / math.sqrt(len(values)))
