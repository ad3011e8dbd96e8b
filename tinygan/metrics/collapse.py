"""Local collapse: where the generator's Jacobian J = ∂G/∂z loses rank, moving z no longer moves the
image (Qi et al. 2018, §3.2).

J is exact: its columns are the tangents J eₖ of ``Net.jvp``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import Diverged, UsageError
from tinygan.metrics.inputs import rows
from tinygan.net import Net


class Collapse(NamedTuple):
    """Of each z: the singular values of J, descending (n, min(k, D)); log(σ₁/σₖ) (n,), infinite where σₖ = 0; the rank (n,).

    The log condition number of Odena et al. 2018 is that of JᵀJ: twice this one.
    """

    singular: Array
    log_condition: Array
    rank: Array


def local_collapse(net: Net, theta: Array, z: Array, *, threshold: float = 1e-3, tangents: int = 32) -> Collapse:
    """The Jacobians of y = net(z; θ) at each of z (n, ...), k numbers to a z and D to a y.

    The rank counts σᵢ > threshold σ₁. One z at a time and ``tangents`` directions at a time: memory is one J (k, D) in float64
    and that of a forward of 1 + tangents samples. ``net`` must not couple samples: give net.eval(running) where there is
    batch normalisation. Raises UsageError, Diverged.
    """
    z = np.asarray(z)
    if z.ndim < 2 or z.size == 0 or z.dtype.kind != "f" or not np.isfinite(z).all():
        raise UsageError(f"latents are {z.dtype} {z.shape}; expected finite floats (n, ...) with n at least 1")
    if not 0 <= threshold < 1 or tangents < 1:
        raise UsageError(f"threshold {threshold}, {tangents} tangents; expected 0 <= threshold < 1, 1 tangent or more")
    singular = np.stack([np.linalg.svd(_jacobian(net, theta, one[None], tangents), compute_uv=False) for one in z])
    first, last = singular[:, 0], singular[:, -1]
    log_condition = np.full(len(z), np.inf)
    some = last > 0
    log_condition[some] = np.log(first[some]) - np.log(last[some])
    return Collapse(singular, log_condition, (singular > threshold * first[:, None]).sum(axis=1))


def _jacobian(net: Net, theta: Array, z: Array, tangents: int) -> Array:
    """Jᵀ (k, D) at one z (1, ...)."""
    identity = np.eye(z.size, dtype=z.dtype).reshape(z.size, *z.shape)
    parts = [
        net.jvp(theta, z, identity[part])[1].reshape(part.stop - part.start, -1) for part in rows(z.size, tangents)
    ]
    J = np.concatenate(parts).astype(np.float64)
    if not np.isfinite(J).all():
        raise Diverged(
            "the Jacobian holds a NaN or an infinity; the generator has diverged: take an earlier checkpoint"
        )
    return J
