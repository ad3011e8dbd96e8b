"""Local collapse: where the Jacobian J = ∂G/∂z loses rank, a change of z does not change the image (Qi et al. 2018, §3.2).

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
    """For each z: the singular values of J, descending (n, min(k, D)); log(σ₁/σₖ) (n,) in nats; and the rank (n,).

    log(σ₁/σₖ) is at least 0, and infinite if σₖ = 0; lower is better conditioned. Odena et al. 2018 report the log condition
    number of JᵀJ, which is twice this value.
    """

    singular: Array
    log_condition: Array
    rank: Array


def local_collapse(net: Net, theta: Array, z: Array, *, threshold: float = 1e-3) -> Collapse:
    """Singular values of the Jacobian of y = net(z; θ) at each of n latents z (n, ...), in float64.

    z has k entries and y has D. The rank is the number of σᵢ > threshold σ₁. ``net`` must not couple samples: pass
    net.eval(running) if it has batch normalisation. Raises UsageError and Diverged.
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
