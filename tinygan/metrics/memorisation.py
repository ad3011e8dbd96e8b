"""Memorisation and duplicates: distances of samples to the training set and to each other, on pixels or features (n, d).

Pixel distances detect copies and near-copies. A shifted or flipped training image is far in pixels but near in features.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix
from tinygan.metrics.pairs import nearest, squared

SAME = 1e-3  # Euclidean distance below which two samples count as equal


class NeighbourDistances(NamedTuple):
    """Mean Euclidean distance to the nearest training sample, of fakes and of test samples, and their ratio fake/test.

    Near 1, fakes are as far from the training set as unseen data. Towards 0, they copy it. Above 1, they are off the data.
    """

    ratio: float
    fake: float
    test: float


def neighbour_ratio(fake: Array, train: Array, test: Array) -> NeighbourDistances:
    """The ratio for features fake (m, d), train (n, d), test (t, d). Test samples must not be in the training set.

    Raises UsageError.
    """
    train = matrix("training features", train)
    near = [
        float(np.sqrt(nearest(matrix(what, x, width=train.shape[1]), train)).mean())
        for what, x in (("fake features", fake), ("test features", test))
    ]
    if near[1] == 0:
        raise UsageError("every test sample is in the training set; use a separate test set")
    return NeighbourDistances(near[0] / near[1], near[0], near[1])


def duplicates(fake: Array, below: float = SAME) -> float:
    """The fraction of fakes (n, d) with another fake nearer than ``below``, in [0, 1]; lower is better. Raises UsageError."""
    return float((np.sqrt(nearest(matrix("fake features", fake, least=2))) < below).mean())


def mean_distance(x: Array) -> float:
    """1/(n(n−1)) Σᵢ≠ⱼ ‖xᵢ − xⱼ‖ of x (n, d): 0 if all samples are equal, higher for more diversity. Raises UsageError."""
    x = matrix("samples", x, least=2)
    total = sum(float(np.sqrt(block[np.isfinite(block)]).sum()) for _, _, block in squared(x))
    return total / (len(x) * (len(x) - 1))
