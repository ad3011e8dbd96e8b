"""Mean and covariance of a stream of features, in float64. Memory is O(d²), independent of n.

The covariance is stored as a factor F of the scatter matrix, FᵀF = Σᵢ (xᵢ − μ)(xᵢ − μ)ᵀ. The Frechet distance needs the
singular values of F. They have full precision here, but only half the digits if they come from a summed covariance. The
moments of two parts are merged by

    μ = μ₁ + n₂/(n₁+n₂) (μ₂ − μ₁),    F = [F₁; F₂; √(n₁n₂/(n₁+n₂)) (μ₂ − μ₁)]    (Chan, Golub and LeVeque 1983, eq. 2.1).

(QF)ᵀ(QF) = FᵀF for any orthogonal Q, so an F with many rows is replaced by the triangular factor of its QR decomposition.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import BLOCK, matrix, rows


class FeatureMoments(NamedTuple):
    """The number n of samples, their mean (d,) and the factor (r, d), r at most d + BLOCK."""

    n: int
    mean: Array
    factor: Array


def empty(d: int) -> FeatureMoments:
    """The moments of no samples of d features."""
    return FeatureMoments(0, np.zeros(d), np.zeros((0, d)))


def add(moments: FeatureMoments, x: Array) -> FeatureMoments:
    """Add the samples x (m, d), in blocks, so x may be large. Raises UsageError."""
    x = matrix("features", x, least=0, width=len(moments.mean))
    for part in rows(len(x)):
        batch = x[part].astype(np.float64)
        mean = batch.mean(axis=0)
        moments = merge(moments, FeatureMoments(len(batch), mean, batch - mean))
    return moments


def merge(a: FeatureMoments, b: FeatureMoments) -> FeatureMoments:
    """The moments of the union of two sets. Raises UsageError."""
    if a.mean.shape != b.mean.shape:
        raise UsageError(
            f"moments of {len(a.mean)} and {len(b.mean)} features cannot be merged; expected the same features"
        )
    if min(a.n, b.n) == 0:
        return b if a.n == 0 else a
    n, shift = a.n + b.n, b.mean - a.mean
    factor = np.concatenate([a.factor, b.factor, np.sqrt(a.n / n * b.n) * shift[None]])
    if len(factor) > len(shift) + BLOCK:
        factor = triangle(factor)
    return FeatureMoments(n, a.mean + b.n / n * shift, factor)


def triangle(factor: Array) -> Array:
    """The triangular R (d, d) with RᵀR = FᵀF, for an F with at least d rows."""
    return np.asarray(np.linalg.qr(factor, mode="r"))


def covariance(moments: FeatureMoments) -> Array:
    """The unbiased covariance Σ (x − μ)(x − μ)ᵀ/(n − 1), (d, d). Raises UsageError for fewer than two samples."""
    if moments.n < 2:
        raise UsageError(f"a covariance of {moments.n} samples; expected at least 2")
    return moments.factor.T @ moments.factor / (moments.n - 1)
