"""The nets of LAPGAN (Denton et al. 2015): convolutions that keep the size for finer levels, perceptrons for the coarsest.

The input of G at a level is a row [l, c, z]: l the enlarged coarse image (H W C), c the class (K numbers, or none), z one
number of noise a pixel. The input of D is the sum of l and the residual, an image; with classes it is a row [image, c].
"""

from __future__ import annotations

import math

from tinygan.core.compose import Concat, Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import Columns, ConcatCondition, Conv2d, Dropout, LeakyReLU, Linear, ReLU, Reshape
from tinygan.layers.conditional import of_row
from tinygan.layers.pyramid import half as halved
from tinygan.models import perceptron

COARSE = 16  # units of a perceptron, times ``width``


def residual(shape: tuple[int, ...], classes: int, width: int) -> Net:
    """[l, c, z] → the planes l, z and one from c → three convolutions, 7x7, 7x7, 5x5 → h (N, H, W, C), of any size."""
    H, W, C = shape
    pixels, at = math.prod(shape), math.prod(shape) + classes
    planes: list[Layer] = [plane(0, pixels, H, W, C)]
    if classes:
        planes.append(Sequential(Columns(pixels, at), Linear(classes, H * W), ReLU(), Reshape(H, W, 1)))
    planes.append(plane(at, at + H * W, H, W, 1))
    channels = C + len(planes) - 1
    middle = [Conv2d(channels, width, 7, pad=3), ReLU(), Conv2d(width, width, 7, pad=3), ReLU()]
    return Net(Concat(*planes), *middle, Conv2d(width, C, 5, pad=2))


def plane(start: int, stop: int, *shape: int) -> Layer:
    """A part of a row as an image."""
    return Sequential(Columns(start, stop), Reshape(*shape))


def discriminator(shape: tuple[int, ...], classes: int, width: int, dropout: float) -> Net:
    """An image, or [image, c] → two 5x5 convolutions of stride 2, dropout → linear → the logit (N, 1)."""
    H, W, C = shape
    h, w = (halved(halved(n)) for n in (H, W))
    layers: list[Layer] = [of_row(shape, classes, ConcatCondition(Sequential()))] if classes else []
    layers += [Conv2d(C + classes, width, 5, stride=2, pad=2), LeakyReLU(0.2)]
    layers += [Conv2d(width, 2 * width, 5, stride=2, pad=2), LeakyReLU(0.2), Reshape(h * w * 2 * width)]
    return Net(*layers, *([Dropout(dropout)] if dropout else []), Linear(h * w * 2 * width, 1))


def coarsest(shape: tuple[int, ...], classes: int, latent: int, width: int, dropout: float) -> tuple[Net, Net]:
    """G of [c, z], and D of an image or of [image, c]."""
    seen = (math.prod(shape) + classes,) if classes else shape
    G = perceptron.generator(shape, classes + latent, COARSE * width)
    return G, perceptron.discriminator(seen, COARSE * width, dropout=dropout)
