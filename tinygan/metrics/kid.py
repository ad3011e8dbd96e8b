"""Kernel distance (KID): the unbiased estimate of MMD² with the kernel k(x, y) = (x·y/d + 1)³ (Binkowski et al. 2018, §4).

    MMD² = 1/(n(n−1)) Σᵢ≠ⱼ k(xᵢ, xⱼ) + 1/(m(m−1)) Σᵢ≠ⱼ k(yᵢ, yⱼ) − 2/(nm) Σᵢⱼ k(xᵢ, yⱼ)

Its expectation is 0 for equal distributions at any n, so a value may be negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix, rows


class Kid(NamedTuple):
    """Mean and standard deviation (population) over a number of subsets or blocks."""

    mean: float
    std: float
    parts: int


def mmd2(x: Array, y: Array) -> float:
    """MMD² of x (n, d) and y (m, d), at least 2 each: all pairs, time O((n + m)² d), memory a block."""
    x = matrix("features", x, least=2)
    y = matrix("features", y, least=2, width=x.shape[1])
    n, m = len(x), len(y)
    return _within(x) / (n * (n - 1)) + _within(y) / (m * (m - 1)) - 2 * _sum(x, y) / (n * m)


def over_subsets(x: Array, y: Array, rng: np.random.Generator, subsets: int = 100, size: int = 1000) -> Kid:
    """MMD² of ``subsets`` draws of ``size`` samples from each set, without replacement within a draw."""
    x = matrix("features", x)
    y = matrix("features", y, width=x.shape[1])
    n = min(len(x), len(y))
    if not 2 <= size <= n or subsets < 1:
        raise UsageError(f"{subsets} subsets of {size} from sets of at least {n} samples; lower the size of a subset")

    def draw(a: Array) -> Array:
        return a[rng.choice(len(a), size, replace=False)]

    return over_blocks((draw(x), draw(y)) for _ in range(subsets))


def over_blocks(pairs: Iterable[tuple[Array, Array]]) -> Kid:
    """MMD² of each pair of blocks (real, fake), taken as they come: the memory is a block's, whatever the sets' sizes."""
    values = [mmd2(x, y) for x, y in pairs]
    if not values:
        raise UsageError("a kernel distance of no blocks; expected at least one of 2 samples or more from each set")
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
    return float(np.vdot(a * a, a))  # NumPy's power is ten times slower
