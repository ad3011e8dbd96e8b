"""The nets of InfoGAN (Chen et al. 2016, appendix C.1): DCGAN's convolutions after (G) or before (D) a wide linear layer, and
Q on the features of D. ``width`` scales all sizes; with 64 they are the paper's for MNIST."""

from __future__ import annotations

import math

from tinygan.core.compose import Concat, Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import BatchNorm, LeakyReLU, Linear, ReLU, Reshape
from tinygan.models import dcgan
from tinygan.models.dcgan import INIT

WIDE, NARROW = 16, 2  # times ``width``: 1024 units of the wide layers, 128 of Q


def generator(shape: tuple[int, ...], latent: int, width: int) -> Net:
    """[c, z] (N, latent) → linear 16 width, BN, ReLU → the generator of DCGAN, (N, H, W, C)."""
    F = WIDE * width
    return Net(
        Linear(latent, F, bias=False, init=INIT), BatchNorm(F, std=0.02), ReLU(), dcgan.generator(shape, F, width).f
    )


def discriminator(shape: tuple[int, ...], width: int, codes: int) -> Net:
    """x (N, H, W, C) → convolutions → linear 16 width, BN, leaky ReLU → [logit, Q], (N, 1 + codes).

    Q is linear 2 width, BN, leaky ReLU, linear. Q and the logit share all layers before.
    """
    body = dcgan.convolutions(shape, width)
    inner = math.prod(Sequential(*body).out_shape(shape))
    Q = Sequential(*dense(WIDE * width, NARROW * width), Linear(NARROW * width, codes, init=INIT))
    ends = Concat(Linear(WIDE * width, 1, init=INIT), Q)
    return Net(*body, Reshape(inner), *dense(inner, WIDE * width), ends)


def dense(i: int, o: int) -> list[Layer]:
    """(N, i) → linear, BN, leaky ReLU, (N, o)."""
    return [Linear(i, o, bias=False, init=INIT), BatchNorm(o, std=0.02), LeakyReLU(0.2)]
