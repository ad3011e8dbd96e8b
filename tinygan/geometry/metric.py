"""First order: lengths, volumes, and where a dimension is lost.   z (N, n)."""

from __future__ import annotations

import numpy as np

from tinygan.errors import UsageError
from tinygan.geometry.chart import Chart, jacobians
from tinygan.layer import Array


def metric(F: Chart, z: Array) -> Array:
    """g = JᵀJ (N, n, n): a small step ż has the length √(żᵀ g ż) in pixels."""
    return np.concatenate([J.transpose(0, 2, 1) @ J for J in jacobians(F, z)])


def singular_values(F: Chart, z: Array) -> Array:
    """Those of J, descending, (N, min(n, D)): how far F stretches the axes of its best ellipse."""
    return np.concatenate([np.linalg.svd(J, compute_uv=False) for J in jacobians(F, z)])


def volume(F: Chart, z: Array) -> Array:
    """√det g (N,), the product of n singular values: the volume in pixels of a unit of volume in z; 0 where D < n."""
    sigma = singular_values(F, z)
    return sigma.prod(axis=1) * float(sigma.shape[1] == np.shape(z)[1])


def local_rank(F: Chart, z: Array, *, threshold: float = 1e-3) -> Array:
    """How many σᵢ > threshold σ₁ (N,): below n the generator has collapsed there (Qi et al. 2018, §3.2)."""
    if not 0 <= threshold < 1:
        raise UsageError(f"threshold is {threshold}; expected 0 <= threshold < 1, a part of the largest singular value")
    sigma = singular_values(F, z)
    return (sigma > threshold * sigma[:, :1]).sum(axis=1)
