"""First order: lengths, volumes, angles and local rank.   z (N, n)."""

from __future__ import annotations

import numpy as np

from tinygan.core.layer import Array
from tinygan.errors import UsageError
from tinygan.geometry.chart import Chart, jacobians

DEPENDENT = 1e-12  # relative to a vector's length: a smaller component outside a span is rounding


def metric(F: Chart, z: Array) -> Array:
    """g = JᵀJ (N, n, n): a small step ż has the length √(żᵀ g ż) in pixels."""
    return np.concatenate([J.transpose(0, 2, 1) @ J for J in jacobians(F, z)])


def singular_values(F: Chart, z: Array) -> Array:
    """The singular values of J, descending, (N, min(n, D)): the semi-axes of the image of a unit ball."""
    return np.concatenate([np.linalg.svd(J, compute_uv=False) for J in jacobians(F, z)])


def volume(F: Chart, z: Array) -> Array:
    """√det g (N,), the product of n singular values: the volume in pixels of a unit of volume in z; 0 where D < n."""
    sigma = singular_values(F, z)
    return sigma.prod(axis=1) * float(sigma.shape[1] == np.shape(z)[1])


def local_rank(F: Chart, z: Array, *, threshold: float = 1e-3) -> Array:
    """The number of σᵢ > threshold σ₁ (N,). Below n the generator has collapsed locally (Qi et al. 2018, §3.2)."""
    if not 0 <= threshold < 1:
        raise UsageError(f"threshold is {threshold}; expected 0 <= threshold < 1, a part of the largest singular value")
    sigma = singular_values(F, z)
    return (sigma > threshold * sigma[:, :1]).sum(axis=1)


def principal_angles(A: Array, B: Array) -> Array:
    """The principal angles between the spans of A (N, a, D) and B (N, b, D), in degrees, ascending, (N, min(a, b)).

    All are 0 if one span contains the other. With orthonormal bases and a <= b the cosines are the singular values of Q_A Q_Bᵀ
    and the sines those of Q_A − Q_A Q_Bᵀ Q_B. From both an angle is exact to a few roundings near 0 and near 90 degrees
    (Björck and Golub 1973). Raises UsageError if the vectors of one set are dependent.
    """
    A, B = (_sets(X, what) for X, what in ((A, "A"), (B, "B")))
    if len(A) != len(B) or A.shape[2] != B.shape[2]:
        raise UsageError(f"A (N, a, D) and B (N, b, D) differ in N or D: A {A.shape}, B {B.shape}")
    if A.shape[1] > B.shape[1]:
        A, B = B, A
    along = A @ B.transpose(0, 2, 1)
    cosines = np.linalg.svd(along, compute_uv=False)
    sines = np.linalg.svd(A - along @ B, compute_uv=False)[:, ::-1]
    return np.rad2deg(np.arctan2(sines, cosines))


def _sets(X: Array, what: str) -> Array:
    """An orthonormal basis of each set of vectors, (N, k, D). UsageError if a vector is in the span of those before it."""
    X = np.asarray(X)
    if X.ndim != 3 or X.size == 0 or X.dtype.kind != "f" or not np.isfinite(X).all():
        raise UsageError(f"{what} is {X.dtype} {X.shape}; expected finite floats (N, vectors, D), none of them 0")
    X = X.astype(np.float64)
    length = np.linalg.norm(X, axis=2, keepdims=True)
    Q, R = np.linalg.qr((X / np.where(length, length, 1)).transpose(0, 2, 1))
    rest = np.abs(np.diagonal(R, axis1=1, axis2=2))  # the part of a unit vector outside the span of those before it
    bad = (rest <= DEPENDENT).any(axis=1) | (X.shape[1] > X.shape[2])
    if bad.any():
        at = int(bad.argmax())
        raise UsageError(f"{what}: the {X.shape[1]} vectors of set {at} are dependent; drop those that others span")
    return Q.transpose(0, 2, 1)
