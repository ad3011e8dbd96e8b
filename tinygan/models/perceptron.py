"""Perceptrons for points and images: G with rectifiers, D with leaky rectifiers or maxout."""

from __future__ import annotations

import math

import numpy as np

from tinygan.core.init import he, normal
from tinygan.core.layer import Layer, Params
from tinygan.core.net import Net
from tinygan.layers import Dropout, LeakyReLU, Linear, Maxout, ReLU, Reshape, Tanh
from tinygan.models.normalise import Norm, behind, biased, weight

DEPTH = 3  # hidden layers


def generator(shape: tuple[int, ...], latent: int, width: int, *, norm: Norm = "batch") -> Net:
    """z (N, latent) → DEPTH × (linear, norm, ReLU) → linear → points (N, d), or tanh → images (N, H, W, C)."""
    layers: list[Layer] = []
    for at in [latent] + [width] * (DEPTH - 1):
        layers += [Linear(at, width, bias=biased(norm), init=he), *behind(width, norm, images=False), ReLU()]
    layers.append(Linear(width, math.prod(shape)))
    return Net(*layers) if len(shape) == 1 else Net(*layers, Tanh(), Reshape(*shape))


class Spread(Linear):
    """A linear layer with b = −W x₀ initially: each output is 0 on a plane through a random x₀ of the cube [-reach, reach]ᴵ.

    With b = 0 the kinks of all rectifiers are initially at the origin, and D distinguishes narrow modes far from it late.
    """

    def __init__(self, n_in: int, n_out: int, reach: float) -> None:
        super().__init__(n_in, n_out, init=he)
        self.reach = reach

    def init(self, rng: np.random.Generator) -> Params:
        w, _ = super().init(rng)
        return w, -(w * rng.uniform(-self.reach, self.reach, w.shape)).sum(axis=1)


def discriminator(
    shape: tuple[int, ...],
    width: int,
    *,
    norm: Norm = "none",
    pieces: int = 0,
    dropout: float = 0.0,
    reach: float = 0.0,
) -> Net:
    """x (N, *shape) → DEPTH × (linear, norm, LeakyReLU, dropout) → linear → the logit (N, 1).

    With ``pieces`` > 0 a maxout of so many replaces the norm and the rectifier (Goodfellow et al. 2014, §5). With ``reach`` the
    initial kinks are spread; this needs a bias, so ``norm`` is "none" or "spectral".
    """
    layers: list[Layer] = [Reshape(math.prod(shape))] if len(shape) > 1 else []
    at, spectral = math.prod(shape), norm == "spectral"
    for i in range(DEPTH):
        if pieces:
            # E max² of 5 normals is 1.8, so every layer increases the scale by a third.
            layers += [weight(Linear(at, width * pieces, init=normal(1 / math.sqrt(at))), spectral), Maxout(pieces)]
        else:
            f = Spread(at, width, reach) if reach and i == 0 else Linear(at, width, bias=biased(norm), init=he)
            layers += [weight(f, spectral), *behind(width, norm, images=False), LeakyReLU(0.2)]
        layers += [Dropout(dropout)] if dropout else []
        at = width
    return Net(*layers, weight(Linear(at, 1), spectral))
