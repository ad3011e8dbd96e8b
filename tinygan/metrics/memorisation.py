"""Copies: of the training set, and of each other. On pixels or features (n, d), by blocks of pairs.

Pixel distances find copies and near-copies; a shifted or flipped training image is far in pixels and near in features.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix
from tinygan.metrics.pairs import nearest, squared

SAME = 1e-3  # Euclidean: what is nearer counts as the same


class NeighbourDistances(NamedTuple):
    """Mean distance to the nearest training sample, of fakes and of test samples, and fake/test.

    Near 1: fakes are as far from the training set as unseen data is. Towards 0: they copy it. Above 1: they are off the data.
    """

    ratio: float
    fake: float
    test: float


def neighbour_ratio(fake: Array, train: Array, test: Array) -> NeighbourDistances:
    """The ratio of features fake (m, d), train (n, d), test (t, d); test samples must not be in the training set."""
    train = matrix("training features", train)
    near = [
        float(np.sqrt(nearest(matrix(what, x, width=train.shape[1]), train)).mean())
        for what, x in (("fake features", fake), ("test features", test))
    ]
    if near[1] == 0:
        raise UsageError("every test sample is in the training set; the ratio needs a test set apart from it")
    return NeighbourDistances(near[0] / near[1], near[0], near[1])


def duplicates(fake: Array, below: float = SAME) -> float:
    """The share of fakes (n, d) whose nearest other fake is nearer than ``below``."""
    return float((np.sqrt(nearest(matrix("fake features", fake, least=2))) < below).mean())


def mean_distance(x: Array) -> float:
    """1/(n(n−1)) Σᵢ≠ⱼ ‖xᵢ − xⱼ‖ of x (n, d): 0 where a generator makes one sample only."""
    x = matrix("samples", x, least=2)
    total = sum(float(np.sqrt(block[np.isfinite(block)]).sum()) for _, _, block in squared(x))
    return total / (len(x) * (len(x) - 1))
