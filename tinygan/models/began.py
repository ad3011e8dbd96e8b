"""The nets of BEGAN (Berthelot et al. 2017, fig. 1), for small images: no norms, exponential linear units, nearest upsampling.

The last layer is a tanh, unlike in the paper. With it the autoencoder reconstructs a uniform background exactly, and the loss L
of easy images falls below γ L(x), as the balance needs.

Each size has one 3x3 convolution, where the paper has two. The encoder halves sizes with 4x4 convolutions of stride 2, as
other small versions do (Lucic et al. 2018, appendix). Upsampling and a 3x3 convolution are one ``UpConv2d``, which is faster.
"""

from __future__ import annotations

import math

from tinygan.core.compose import Residual, Sequential
from tinygan.core.init import he
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import ELU, Conv2d, Linear, Reshape, Tanh, UpConv2d
from tinygan.models.dcgan import levels

MOST = 2  # halvings, the most: 28x28 to 7x7 and 32x32 to 8x8, the paper's smallest size


def halvings(shape: tuple[int, ...]) -> int:
    """The number of halvings of an image (H, W, C); UsageError if it cannot be halved."""
    return min(levels(shape), MOST)


def decoder(shape: tuple[int, ...], latent: int, width: int) -> list[Layer]:
    """h (N, latent) → linear → 3x3, ELU at H/2ⁿ → upsample, 3x3, ELU, n times → 3x3, tanh, (N, H, W, C)."""
    n = halvings(shape)
    H, W = shape[0] >> n, shape[1] >> n
    layers: list[Layer] = [Linear(latent, H * W * width, init=he), Reshape(H, W, width)]
    layers += [Conv2d(width, width, 3, pad=1, init=he), ELU()]
    for _ in range(n):
        layers += [UpConv2d(width, width, init=he), ELU()]
    return [*layers, Conv2d(width, shape[2], 3, pad=1), Tanh()]


def encoder(shape: tuple[int, ...], latent: int, width: int) -> list[Layer]:
    """x (N, H, W, C) → 4x4 of stride 2, ELU, n times, of ``width``, 2 ``width`` → linear, (N, latent)."""
    layers: list[Layer] = []
    C = shape[2]
    for i in range(halvings(shape)):
        layers += [Conv2d(C, width << i, 4, stride=2, pad=1, init=he), ELU()]
        C = width << i
    inner = math.prod(Sequential(*layers).out_shape(shape))
    return [*layers, Reshape(inner), Linear(inner, latent)]


def generator(shape: tuple[int, ...], latent: int, width: int) -> Net:
    """z (N, latent) → images (N, H, W, C)."""
    return Net(*decoder(shape, latent, width))


def discriminator(shape: tuple[int, ...], latent: int, width: int) -> Net:
    """x (N, H, W, C) → x − A(x), the error of the autoencoder A = −decoder(encoder(x)). The sign makes no difference, for tanh
    is odd and the signs of the weights are free."""
    return Net(Residual(Sequential(*encoder(shape, latent, width), *decoder(shape, latent, width))))
