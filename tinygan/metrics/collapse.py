"""Local collapse: where the generator's Jacobian J = ∂G/∂z loses rank, moving z no longer moves the
image (Qi et al. 2018, §3.2).

J is exact: its columns are the tangents J eₖ (``tinygan.geometry.jacobian``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.geometry import Generator, singular_values


class Collapse(NamedTuple):
    """Of each z: the singular values of J, descending (n, min(k, D)); log(σ₁/σₖ) (n,), infinite where σₖ = 0; the rank (n,).

    The log condition number of Odena et al. 2018 is that of JᵀJ: twice this one.
    """

    singular: Array
    log_condition: Array
    rank: Array


def local_collapse(net: Net, theta: Array, z: Array, *, threshold: float = 1e-3) -> Collapse:
    """The Jacobians of y = net(z; θ) at each of z (n, ...), k numbers to a z and D to a y, in float64.

    The rank counts σᵢ > threshold σ₁. ``net`` must not couple samples: give net.eval(running) where there is batch
    normalisation. Raises UsageError, Diverged.
    """
    z = np.asarray(z)
    if z.ndim < 2 or z.size == 0 or z.dtype.kind != "f" or not np.isfinite(z).all():
        raise UsageError(f"latents are {z.dtype} {z.shape}; expected finite floats (n, ...) with n at least 1")
    if not 0 <= threshold < 1:
        raise UsageError(f"threshold {threshold}; expected 0 <= threshold < 1")
    singular = singular_values(Generator(net, theta, shape=z.shape[1:]), z.reshape(len(z), -1))
    first, last = singular[:, 0], singular[:, -1]
    log_condition = np.full(len(z), np.inf)
    some = last > 0
    log_condition[some] = np.log(first[some]) - np.log(last[some])
    return Collapse(singular, log_condition, (singular > threshold * first[:, None]).sum(axis=1))
