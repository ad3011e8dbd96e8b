"""Does the generator stay on the data, and cover it? A set's manifold is taken for the union of balls around its points,
each as wide as the distance to the k-th nearest other point of the set.

Memory is a block of pairs and O((n + m) k), time O((n + m)² d).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix
from tinygan.metrics.pairs import nearest, squared

CLOSED = 1 + 1e-9  # balls hold their surface, up to rounding


class PrecisionRecall(NamedTuple):
    precision: float  # share of fakes in a ball of a real point: quality
    recall: float  # share of real points in a ball of a fake: variety


class DensityCoverage(NamedTuple):
    density: float  # balls of real points that a fake is in, over k: 1 in expectation for equal distributions
    coverage: float  # share of real points with a fake in their ball


def precision_recall(real: Array, fake: Array, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019, eqs. 1-3) of features (n, d) and (m, d)."""
    real, fake = _both(real, fake, k)
    balls, fake_balls = _balls(real, k), _balls(fake, k)
    good, found = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for i, j, block in squared(real, fake):
        good[j] |= (block <= balls[i, None]).any(axis=0)
        found[i] |= (block <= fake_balls[j]).any(axis=1)
    return PrecisionRecall(float(good.mean()), float(found.mean()))


def density_coverage(real: Array, fake: Array, k: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, §3.2) of features (n, d) and (m, d); balls of real points only, so one
    outlying fake spoils nothing."""
    real, fake = _both(real, fake, k)
    balls = _balls(real, k)
    inside = np.zeros(len(real), np.int64)
    for i, _, block in squared(real, fake):
        inside[i] += (block <= balls[i, None]).sum(axis=1)
    return DensityCoverage(float(inside.sum() / (k * len(fake))), float((inside > 0).mean()))


def _both(real: Array, fake: Array, k: int) -> tuple[Array, Array]:
    if k < 1:
        raise UsageError(f"{k} nearest neighbours; expected 1 or more")
    real = matrix("real features", real, least=k + 1)
    return real, matrix("fake features", fake, least=k + 1, width=real.shape[1])


def _balls(x: Array, k: int) -> Array:
    return nearest(x, k=k) * CLOSED
