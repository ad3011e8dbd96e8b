"""Frechet distance between the Gaussians of two sets of features (Dowson and Landau 1982; FID: Heusel et al. 2017, eq. 6):

    d² = ‖μ₁ − μ₂‖² + tr(S₁) + tr(S₂) − 2 tr (S₁S₂)^½.

It is at least 0, in squared units of the features, and lower is better. Its bias falls with the number of samples n, so
compare values of equal n only.

With factors S₁ = AᵀA, S₂ = BᵀB, the product S₁S₂ has the nonzero eigenvalues of (ABᵀ)(ABᵀ)ᵀ. So tr (S₁S₂)^½ is the sum of
the singular values of ABᵀ: it is real and needs no matrix square root. With fewer samples than features, A and B just have
fewer rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix, vector
from tinygan.metrics.moments import FeatureMoments, add, empty, triangle

NEGATIVE = 1e-6  # times the largest eigenvalue: the error allowed in a covariance stored in float32


class Gaussian(NamedTuple):
    """The mean (d,) and a factor F (r, d) of the covariance S = FᵀF."""

    mean: Array
    factor: Array


def of_features(x: Array) -> Gaussian:
    """The Gaussian with the mean and covariance of features x (n, d), n at least 2. Raises UsageError."""
    x = matrix("features", x, least=2)
    return of_moments(add(empty(x.shape[1]), x))


def of_moments(moments: FeatureMoments) -> Gaussian:
    """The Gaussian of accumulated moments, with the unbiased covariance. Raises UsageError."""
    if moments.n < 2:
        raise UsageError(f"a Gaussian of {moments.n} samples; expected at least 2")
    factor = moments.factor if len(moments.factor) <= len(moments.mean) else triangle(moments.factor)
    return Gaussian(moments.mean, factor / np.sqrt(moments.n - 1))


def of_covariance(mean: Array, covariance: Array) -> Gaussian:
    """The Gaussian with a given mean (d,) and covariance (d, d). The factor is F = Λ^½Vᵀ of S = VΛVᵀ. Raises UsageError.

    A covariance has only half the digits of small singular values. The distance typically changes by 1e-8 of its value.
    """
    mean, covariance = vector("means", mean).astype(np.float64), matrix("covariances", covariance).astype(np.float64)
    if covariance.shape != 2 * mean.shape:
        raise UsageError(f"mean {mean.shape} and covariance {covariance.shape}; expected (d,) and (d, d)")
    symmetric = covariance / 2 + covariance.T / 2
    values, vectors = np.linalg.eigh(symmetric)
    size = np.abs(values).max()
    if np.abs(covariance - symmetric).max() > NEGATIVE * size or values[0] < -NEGATIVE * size:
        raise UsageError("the covariance is not symmetric or has a negative eigenvalue; expected one of real features")
    return Gaussian(mean, np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)


def distance(a: Gaussian, b: Gaussian) -> float:
    """d², the squared distance, as in FID. Time O(d³), memory O(d²). Raises UsageError."""
    if a.mean.shape != b.mean.shape:
        raise UsageError(f"Gaussians of {len(a.mean)} and {len(b.mean)} features; expected the same features for both")
    overlap = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
    spread = np.square(a.factor).sum() + np.square(b.factor).sum() - 2 * overlap
    return max(0.0, float(np.square(a.mean - b.mean).sum() + spread))  # rounding can give −1e-14 tr(S)


def frechet(x: Array, y: Array) -> float:
    """d² between the Gaussians of features x (n, d) and y (m, d). Raises UsageError."""
    return distance(of_features(x), of_features(y))
