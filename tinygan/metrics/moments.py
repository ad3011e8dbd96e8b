"""Mean and covariance of a stream, in float64: memory O(d²), whatever n is.

The covariance is kept as a factor F of the scatter, FᵀF = Σᵢ (xᵢ − μ)(xᵢ − μ)ᵀ: its singular values are the square roots that
the Frechet distance needs, to full precision, where those of a summed covariance keep half the digits. Of two parts,

    μ = μ₁ + n₂/(n₁+n₂) (μ₂ − μ₁),    F = [F₁; F₂; √(n₁n₂/(n₁+n₂)) (μ₂ − μ₁)]    (Chan, Golub and LeVeque 1983, eq. 2.1)

and any orthogonal Q leaves QF as good as F, so a tall F is replaced by the triangle of its QR factors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import BLOCK, matrix, rows


class FeatureMoments(NamedTuple):
    """n samples' mean (d,) and factor (r, d), r at most d + BLOCK."""

    n: int
    mean: Array
    factor: Array


def empty(d: int) -> FeatureMoments:
    """No samples of d features."""
    return FeatureMoments(0, np.zeros(d), np.zeros((0, d)))


def add(moments: FeatureMoments, x: Array) -> FeatureMoments:
    """The moments with the samples x (m, d) added; by blocks, so that x may be large."""
    x = matrix("features", x, least=0, width=len(moments.mean))
    for part in rows(len(x)):
        batch = x[part].astype(np.float64)
        mean = batch.mean(axis=0)
        moments = merge(moments, FeatureMoments(len(batch), mean, batch - mean))
    return moments


def merge(a: FeatureMoments, b: FeatureMoments) -> FeatureMoments:
    """The moments of both sets together."""
    if a.mean.shape != b.mean.shape:
        raise UsageError(f"moments of {len(a.mean)} and of {len(b.mean)} features; merge those of the same features")
    if min(a.n, b.n) == 0:
        return b if a.n == 0 else a
    n, shift = a.n + b.n, b.mean - a.mean
    factor = np.concatenate([a.factor, b.factor, np.sqrt(a.n / n * b.n) * shift[None]])
    if len(factor) > len(shift) + BLOCK:
        factor = triangle(factor)
    return FeatureMoments(n, a.mean + b.n / n * shift, factor)


def triangle(factor: Array) -> Array:
    """R (d, d) with RᵀR = FᵀF, of a tall F."""
    return np.asarray(np.linalg.qr(factor, mode="r"))


def covariance(moments: FeatureMoments) -> Array:
    """Σ (x − μ)(x − μ)ᵀ/(n − 1), (d, d); at least two samples."""
    if moments.n < 2:
        raise UsageError(f"a covariance of {moments.n} samples; expected at least 2")
    return moments.factor.T @ moments.factor / (moments.n - 1)
