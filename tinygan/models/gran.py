"""The generator of GRAN (Im et al. 2016): DCGAN's, which paints several times on one canvas and looks at what it painted.

    h_z = tanh(BN(W z)),  h_{c,1} = 0,      ΔC_t = f([h_z, h_{c,t}]),  h_{c,t+1} = g(ΔC_t),      x = tanh(Σ_t ΔC_t)

f is the generator of DCGAN without its end, g mirrors it. Each canvas is made from the same z. The paper has σ(Σ ΔC) for pixels
in [0, 1]; those in [-1, 1] are 2σ(2a) − 1 = tanh(a).
"""

from __future__ import annotations

import math

from tinygan.core.compose import Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import BatchNorm, Canvas, Conv2d, Linear, ReLU, Reshape, Tanh
from tinygan.models.dcgan import INIT, deconvolutions, levels


def generator(shape: tuple[int, ...], latent: int, width: int, steps: int) -> Net:
    """z (N, latent) → h_z (N, latent) → ``steps`` paintings → tanh, (N, H, W, C).

    θ and the running values of fewer steps stand first in those of more: the first canvases are the same.
    """
    f, g = Sequential(*deconvolutions(shape, 2 * latent, width)), Sequential(*encoder(shape, latent, width))
    return Net(*code(latent, latent), Canvas(f, g, latent, latent, steps), Tanh())


def encoder(shape: tuple[int, ...], latent: int, width: int) -> list[Layer]:
    """A painting (N, H, W, C) → n convolutions with BN and ReLU → h_c (N, latent)."""
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
