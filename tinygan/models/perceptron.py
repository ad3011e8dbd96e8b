"""Perceptrons for the game of two nets, of points and of images: rectifiers in G, leaky ones or maxout in D."""

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
    """z (N, latent) → DEPTH × (linear, norm, ReLU) → linear → points (N, d), or through tanh images (N, H, W, C)."""
    layers: list[Layer] = []
    for at in [latent] + [width] * (DEPTH - 1):
        layers += [Linear(at, width, bias=biased(norm), init=he), *behind(width, norm, images=False), ReLU()]
    layers.append(Linear(width, math.prod(shape)))
    return Net(*layers) if len(shape) == 1 else Net(*layers, Tanh(), Reshape(*shape))


class Spread(Linear):
    """A linear layer whose outputs are first 0 on planes through random points of the cube [-reach, reach]ᴵ: b = −W x₀.

    With b = 0 every rectifier's kink begins at the origin, and narrow modes far from it are told apart late.
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

    With ``pieces`` maxout of so many takes the place of the norm and the rectifier (Goodfellow et al. 2014, §5). With
    ``reach`` the first kinks are spread; the rectifiers have a bias, so no norm but the spectral one.
    """
    layers: list[Layer] = [Reshape(math.prod(shape))] if len(shape) > 1 else []
    at, spectral = math.prod(shape), norm == "spectral"
    for i in range(DEPTH):
        if pieces:
            # E max² of 5 normals is 1.8: from here the scale of a layer grows by a third.
            layers += [weight(Linear(at, width * pieces, init=normal(1 / math.sqrt(at))), spectral), Maxout(pieces)]
        else:
            f = Spread(at, width, reach) if reach and i == 0 else Linear(at, width, bias=biased(norm), init=he)
            layers += [weight(f, spectral), *behind(width, norm, images=False), LeakyReLU(0.2)]
        layers += [Dropout(dropout)] if dropout else []
        at = width
    return Net(*layers, weight(Linear(at, 1), spectral))
