"""Frechet distance of two Gaussians, the F of FID (Heusel et al. 2017, eq. 6; Dowson and Landau 1982):

    d² = ‖μ₁ − μ₂‖² + tr(S₁) + tr(S₂) − 2 tr (S₁S₂)^½.

With factors S₁ = AᵀA, S₂ = BᵀB, S₁S₂ has the eigenvalues of (ABᵀ)(ABᵀ)ᵀ, so tr (S₁S₂)^½ = ‖ABᵀ‖₊, the sum of the singular
values of ABᵀ. It is real and needs no matrix root; fewer samples than features only make A and B short; and
for S₁ = S₂ it is tr(S₁). The distance falls with the number of samples: compare at equal n only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix, vector
from tinygan.metrics.moments import FeatureMoments, add, empty, triangle

NEGATIVE = 1e-6  # of the largest eigenvalue: what a covariance stored in float32 may be below zero


class Gaussian(NamedTuple):
    """Mean (d,) and a factor (r, d) of the covariance: S = FᵀF."""

    mean: Array
    factor: Array


def of_features(x: Array) -> Gaussian:
    """The Gaussian of features x (n, d), n at least 2."""
    x = matrix("features", x, least=2)
    return of_moments(add(empty(x.shape[1]), x))


def of_moments(moments: FeatureMoments) -> Gaussian:
    """The Gaussian of a stream's moments, with the unbiased covariance."""
    if moments.n < 2:
        raise UsageError(f"a Gaussian of {moments.n} samples; expected at least 2")
    factor = moments.factor if len(moments.factor) <= len(moments.mean) else triangle(moments.factor)
    return Gaussian(moments.mean, factor / np.sqrt(moments.n - 1))


def of_covariance(mean: Array, covariance: Array) -> Gaussian:
    """The Gaussian of a stored mean (d,) and covariance (d, d): F = Λ^½Vᵀ of S = VΛVᵀ.

    Half the digits of small singular values are gone with the covariance: 1e-8 of the distance is typical.
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
    """d², the Frechet distance as FID counts it; time O(d³), memory O(d²)."""
    if a.mean.shape != b.mean.shape:
        raise UsageError(f"Gaussians of {len(a.mean)} and {len(b.mean)} features; give both the same features")
    overlap = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
    spread = np.square(a.factor).sum() + np.square(b.factor).sum() - 2 * overlap
    return max(0.0, float(np.square(a.mean - b.mean).sum() + spread))  # rounding may leave −1e-14 of tr(S)


def frechet(x: Array, y: Array) -> float:
    """d² between the Gaussians of features x (n, d) and y (m, d)."""
    return distance(of_features(x), of_features(y))
