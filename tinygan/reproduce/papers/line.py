"""One-dimensional distributions and their divergences by quadrature, as the reference for learned values.

Integrals are sums over equally spaced points. For smooth densities that vanish at both ends, the error of this trapezoidal
rule decreases faster than any power of the spacing. Densities are stored as logarithms, so a ratio is a difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.objectives.divergences import Divergence

X = np.linspace(-14, 14, 5601)  # every distribution here has less than 1e-9 of its mass outside
MOST = 300.0  # bound of |log p/q|, so that its exponential can be squared in float64


class GaussianMixture(NamedTuple):
    """A mixture of Gaussians N(mean, sigma²) with weights."""

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sigmas: tuple[float, ...]

    def log(self, x: Array) -> Array:
        """log p(x), with the shape of x."""
        each = [
            math.log(w) + log_normal(x, mean, sigma)
            for w, mean, sigma in zip(self.weights, self.means, self.sigmas, strict=True)
        ]
        return np.logaddexp.reduce(each, axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """n samples (n, 1) float32."""
        k = rng.choice(len(self.weights), n, p=self.weights)
        x = np.array(self.means)[k] + np.array(self.sigmas)[k] * rng.standard_normal(n)
        return x.astype(np.float32)[:, None]


def gaussian(mean: float, sigma: float) -> GaussianMixture:
    """N(mean, sigma²)."""
    return GaussianMixture((1.0,), (mean,), (sigma,))


def log_normal(x: Array, mean: Array | float, sigma: Array | float) -> Array:
    """The log density of N(mean, sigma²) at x, with broadcasting."""
    return -0.5 * ((x - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * math.log(2 * math.pi)


def integral(values: Array) -> Array:
    """The integral of a function given at X, along the last axis."""
    return values.sum(axis=-1) * (X[1] - X[0])


def f_divergence(row: Divergence, log_p: Array, log_q: Array) -> Array:
    """D_f(P‖Q) = ∫ q f(p/q) from log densities at X, along the last axis."""
    return integral(np.exp(log_q) * row.f(np.exp(np.clip(log_p - log_q, -MOST, MOST))))


def bound(row: Divergence, v: Array, log_p: Array, log_q: Array) -> float:
    """The lower bound F(V) = ∫ p g_f(v) − ∫ q f*(g_f(v)) of D_f(P‖Q), from a network's outputs v at X."""
    return float(integral(np.exp(log_p) * row.g(v)[0] - np.exp(log_q) * row.h(v)[0]))


@cache
def nearest_gaussian(row: Divergence, p: GaussianMixture) -> tuple[float, float]:
    """(mean, sigma) of the Gaussian that minimises D_f(P‖·), by grid searches in (mean, log sigma) on finer and finer grids."""
    x = X[::4]  # enough for smooth functions; the wrong factor in ``integral`` does not move the minimum
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
