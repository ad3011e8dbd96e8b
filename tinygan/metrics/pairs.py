"""Squared Euclidean distances between all pairs of two sets, one block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy import ndarray as Array

from tinygan.metrics.inputs import rows


def squared(x: Array, y: Array | None = None) -> Iterator[tuple[slice, slice, Array]]:
    """‖xᵢ − yⱼ‖² = ‖xᵢ‖² + ‖yⱼ‖² − 2 xᵢ·yⱼ in float64, by blocks: yields rows i, columns j and the distances (i, j).

    Without y, the pairs are within x, and the distance of a point to itself is infinite. One point is subtracted from both
    sets first, to reduce cancellation. Values below the rounding error of the formula become 0, so copies have distance 0.
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
    """The squared distance (n,) of each x (n, d) to its k-th nearest y (m, d), or other x without y. Memory O(n k)."""
    best = np.full((len(x), k), np.inf)
    for i, _, block in squared(x, y):
        best[i] = np.partition(np.concatenate([best[i], block], axis=1), k - 1, axis=1)[:, :k]
    return best.max(axis=1)
