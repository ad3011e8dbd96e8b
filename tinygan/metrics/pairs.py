"""Euclidean distances between all pairs of two sets, a block at a time: what the measures of neighbours share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy import ndarray as Array

from tinygan.metrics.inputs import rows


def squared(x: Array, y: Array | None = None) -> Iterator[tuple[slice, slice, Array]]:
    """‖xᵢ − yⱼ‖² = ‖xᵢ‖² + ‖yⱼ‖² − 2 xᵢ·yⱼ, float64, by blocks: the rows i, the columns j, the distances (i, j).

    With x alone, the pairs within it; a point is infinitely far from itself. Both are first moved by one point, against
    cancellation, and what is below the formula's rounding error is 0, so that copies are at distance 0.
    """
    other = x if y is None else y
    origin = other[0].astype(np.float64)
    rounding = 2 * x.shape[1] * np.finfo(np.float64).eps
    for i in rows(len(x)):
        a = x[i].astype(np.float64) - origin
        aa = np.square(a).sum(axis=1)[:, None]
        for j in rows(len(other)):
            b = other[j].astype(np.float64) - origin
            size = aa + np.square(b).sum(axis=1)
            block = size - 2 * (a @ b.T)
            block[block <= rounding * size] = 0
            if y is None and i == j:
                np.fill_diagonal(block, np.inf)
            yield i, j, block


def nearest(x: Array, y: Array | None = None, k: int = 1) -> Array:
    """The squared distance (n,) of each x (n, d) to its k-th nearest y (m, d), or x other than itself; memory O(n k)."""
    best = np.full((len(x), k), np.inf)
    for i, _, block in squared(x, y):
        best[i] = np.partition(np.concatenate([best[i], block], axis=1), k - 1, axis=1)[:, :k]
    return best.max(axis=1)
