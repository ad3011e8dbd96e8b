"""The generator of GRAN (Im et al. 2016): that of DCGAN, applied several times, each time with an encoding of its last output.

    h_z = tanh(BN(W z)),  h_{c,1} = 0,      ΔC_t = f([h_z, h_{c,t}]),  h_{c,t+1} = g(ΔC_t),      x = tanh(Σ_t ΔC_t)

f is the generator of DCGAN without its tanh; g is its mirror image. Every step has the same z. The paper has σ(Σ ΔC) for pixels
in [0, 1]; for pixels in [-1, 1] this becomes 2σ(2a) − 1 = tanh(a).
"""

from __future__ import annotations

import math

from tinygan.core.compose import Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import BatchNorm, Canvas, Conv2d, Linear, ReLU, Reshape, Tanh
from tinygan.models.dcgan import INIT, deconvolutions, levels


def generator(shape: tuple[int, ...], latent: int, width: int, steps: int) -> Net:
    """z (N, latent) → h_z (N, latent) → the sum of ``steps`` increments → tanh, (N, H, W, C).

    θ and the running values of a net with fewer steps are the first ones of a net with more steps.
    """
    f, g = Sequential(*deconvolutions(shape, 2 * latent, width)), Sequential(*encoder(shape, latent, width))
    return Net(*code(latent, latent), Canvas(f, g, latent, latent, steps), Tanh())


def encoder(shape: tuple[int, ...], latent: int, width: int) -> list[Layer]:
    """An increment (N, H, W, C) → n convolutions with BN and ReLU → h_c (N, latent)."""
    layers: list[Layer] = []
    at = shape[2]
    for i in range(levels(shape)):
        C = width << i
        layers += [Conv2d(at, C, 4, stride=2, pad=1, bias=False, init=INIT), BatchNorm(C, std=0.02), ReLU()]
        at = C
    inner = math.prod(Sequential(*layers).out_shape(shape))
    return [*layers, Reshape(inner), *code(inner, latent)]


def code(inputs: int, latent: int) -> list[Layer]:
    """(N, inputs) → linear, BN, tanh, (N, latent)."""
    return [Linear(inputs, latent, bias=False, init=INIT), BatchNorm(latent, std=0.02), Tanh()]
