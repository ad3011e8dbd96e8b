"""Kernel distance (KID): an unbiased estimate of MMD² with the kernel k(x, y) = (x·y/d + 1)³ (Binkowski et al. 2018, §4).

    MMD² = 1/(n(n−1)) Σᵢ≠ⱼ k(xᵢ, xⱼ) + 1/(m(m−1)) Σᵢ≠ⱼ k(yᵢ, yⱼ) − 2/(nm) Σᵢⱼ k(xᵢ, yⱼ)

Lower is better. For equal distributions its expectation is 0 at any n, so values can be negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix, rows


class Kid(NamedTuple):
    """Mean and standard deviation (population) over ``parts`` subsets or blocks."""

    mean: float
    std: float
    parts: int


def mmd2(x: Array, y: Array) -> float:
    """MMD² of features x (n, d) and y (m, d), at least 2 each, over all pairs. Time O((n + m)² d). Raises UsageError."""
    x = matrix("features", x, least=2)
    y = matrix("features", y, least=2, width=x.shape[1])
    n, m = len(x), len(y)
    return _within(x) / (n * (n - 1)) + _within(y) / (m * (m - 1)) - 2 * _sum(x, y) / (n * m)


def over_subsets(x: Array, y: Array, rng: np.random.Generator, subsets: int = 100, size: int = 1000) -> Kid:
    """Mean MMD² over ``subsets`` random subsets of ``size`` samples from each set. A subset has no sample twice.

    Raises UsageError.
    """
    x = matrix("features", x)
    y = matrix("features", y, width=x.shape[1])
    n = min(len(x), len(y))
    if not 2 <= size <= n or subsets < 1:
        raise UsageError(f"{subsets} subsets of {size} samples; expected at least 1 subset of 2 to {n} samples")

    def draw(a: Array) -> Array:
        return a[rng.choice(len(a), size, replace=False)]

    return over_blocks((draw(x), draw(y)) for _ in range(subsets))


def over_blocks(pairs: Iterable[tuple[Array, Array]]) -> Kid:
    """Mean MMD² over a stream of pairs of blocks (real, fake). Memory depends only on the block size. Raises UsageError."""
    values = [mmd2(x, y) for x, y in pairs]
    if not values:
        raise UsageError("a kernel distance needs at least one pair of blocks, got none")
    return Kid(float(np.mean(values)), float(np.std(values)), len(values))


def _within(x: Array) -> float:
    """Σᵢ≠ⱼ k(xᵢ, xⱼ)."""
    itself = (np.square(x[part].astype(np.float64)).sum(axis=1) / x.shape[1] for part in rows(len(x)))
    return _sum(x, x) - sum(map(_cubes, itself))


def _sum(x: Array, y: Array) -> float:
    """Σᵢⱼ k(xᵢ, yⱼ)."""
    total = 0.0
    for i in rows(len(x)):
        a = x[i].astype(np.float64) / x.shape[1]
        total += sum(_cubes(a @ y[j].astype(np.float64).T) for j in rows(len(y)))
    return total


def _cubes(a: Array) -> float:
    """Σ (a + 1)³."""
    a = a + 1
    return float(np.vdot(a * a, a))  # numpy.power is ten times slower
