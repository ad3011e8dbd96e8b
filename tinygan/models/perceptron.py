"""Perceptrons for the game of two nets, of points and of images: rectifiers in G, leaky ones or maxout in D."""

from __future__ import annotations

import math

from tinygan.init import normal
from tinygan.layer import Layer
from tinygan.layers import Dropout, LeakyReLU, Linear, Maxout, ReLU, Reshape, Tanh
from tinygan.models.classifier import he
from tinygan.models.normalise import Norm, behind, biased, weight
from tinygan.net import Net


def generator(shape: tuple[int, ...], latent: int, width: int, *, depth: int, norm: Norm = "batch") -> Net:
    """z (N, latent) → depth × (linear, norm, ReLU) → linear → points (N, d), or through tanh images (N, H, W, C)."""
    layers: list[Layer] = []
    for at in [latent] + [width] * (depth - 1):
        layers += [Linear(at, width, bias=biased(norm), init=he), *behind(width, norm, images=False), ReLU()]
    layers.append(Linear(width, math.prod(shape)))
    return Net(*layers) if len(shape) == 1 else Net(*layers, Tanh(), Reshape(*shape))


def discriminator(
    shape: tuple[int, ...], width: int, *, depth: int, norm: Norm = "none", pieces: int = 0, dropout: float = 0.0
) -> Net:
    """x (N, *shape) → depth × (linear, norm, LeakyReLU, dropout) → linear → the logit (N, 1).

    With ``pieces`` maxout of so many takes the place of the norm and the rectifier (Goodfellow et al. 2014, §5).
    """
    layers: list[Layer] = [Reshape(math.prod(shape))] if len(shape) > 1 else []
    at, spectral = math.prod(shape), norm == "spectral"
    for _ in range(depth):
        if pieces:
            # E max² of 5 normals is 1.8: from here the scale of a layer grows by a third.
            layers += [weight(Linear(at, width * pieces, init=normal(1 / math.sqrt(at))), spectral), Maxout(pieces)]
        else:
            layers += [weight(Linear(at, width, bias=biased(norm), init=he), spectral)]
            layers += [*behind(width, norm, images=False), LeakyReLU(0.2)]
        layers += [Dropout(dropout)] if dropout else []
        at = width
    return Net(*layers, weight(Linear(at, 1), spectral))
