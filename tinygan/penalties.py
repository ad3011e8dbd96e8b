"""Penalties on derivatives, with their exact gradients, and orthogonal regularisation of weights.

    value, back = tinygan.penalties.gradient_penalty(D, theta, x, one_centred)    # E(‖∇ₓD‖ − 1)², WGAN-GP
    theta_bar = back.theta                                                        # its gradient in θ

``through_jvp`` and ``through_vjp`` differentiate any function of J ẋ or Jᵀu; all other penalties are built on these two.
"""

from tinygan.objectives.orthogonal import orthogonal
from tinygan.objectives.penalties import (
    along_latent,
    centred,
    gradient_penalty,
    interpolate,
    laplace_beltrami,
    of_first,
    one_centred,
    orthonormal,
    orthonormal_l1,
    path_length,
    perturb,
    through_jvp,
    through_vjp,
    weighted,
    zero_centred,
)

__all__ = [
    "along_latent",
    "centred",
    "gradient_penalty",
    "interpolate",
    "laplace_beltrami",
    "of_first",
    "one_centred",
    "orthogonal",
    "orthonormal",
    "orthonormal_l1",
    "path_length",
    "perturb",
    "through_jvp",
    "through_vjp",
    "weighted",
    "zero_centred",
]
