"""The nets of a variational autoencoder: perceptrons with one hidden layer (Kingma & Welling 2014, appendix C).

The hidden layer is rectified; the paper has tanh. Biases are initially 0, so a decoder with tanh is initially odd in z: the
codes of the data come to lie on one side of 0, and after a short training a tenth of z ~ N(0, 1) gives inverted digits.
"""

from __future__ import annotations

import math

from tinygan.core.net import Net
from tinygan.layers import Linear, ReLU, Reshape


def encoder(shape: tuple[int, ...], latent: int, width: int) -> Net:
    """x (N, H, W, C) → linear, ReLU → linear, (N, 2 latent): μ beside log σ²."""
    pixels = math.prod(shape)
    return Net(Reshape(pixels), Linear(pixels, width), ReLU(), Linear(width, 2 * latent))


def decoder(shape: tuple[int, ...], latent: int, width: int) -> Net:
    """z (N, latent) → linear, ReLU → linear, (N, H, W, C): logits of the pixels."""
    pixels = math.prod(shape)
    return Net(Linear(latent, width), ReLU(), Linear(width, pixels), Reshape(*shape))
