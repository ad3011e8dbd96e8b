"""Precision and recall, density and coverage: how realistic samples are, and how much of the data they cover.

The manifold of a set is estimated by balls around its points. The radius of a ball is the distance to the k-th nearest
other point of the set. Memory is a block of pairs and O((n + m) k), time O((n + m)² d).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix
from tinygan.metrics.pairs import nearest, squared

CLOSED = 1 + 1e-9  # a ball contains its surface, up to rounding


class PrecisionRecall(NamedTuple):
    precision: float  # fraction of fakes inside a ball of a real point, in [0, 1]: quality
    recall: float  # fraction of real points inside a ball of a fake, in [0, 1]: diversity


class DensityCoverage(NamedTuple):
    density: (
        float  # mean number of real balls around a fake, over k: at least 0, 1 in expectation for equal distributions
    )
    coverage: float  # fraction of real points whose ball contains a fake, in [0, 1]


def precision_recall(real: Array, fake: Array, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019, eqs. 1-3) of features (n, d) and (m, d); higher is better.

    Raises UsageError.
    """
    real, fake = _both(real, fake, k)
    balls, fake_balls = _balls(real, k), _balls(fake, k)
    good, found = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for i, j, block in squared(real, fake):
        good[j] |= (block <= balls[i, None]).any(axis=0)
        found[i] |= (block <= fake_balls[j]).any(axis=1)
    return PrecisionRecall(float(good.mean()), float(found.mean()))


def density_coverage(real: Array, fake: Array, k: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, §3.2) of features (n, d) and (m, d); higher is better.

    Only real points have balls, so a single outlier among the fakes has little effect. Raises UsageError.
    """
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
