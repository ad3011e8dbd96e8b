"""The nets of a variational autoencoder (Kingma & Welling 2014, appendix C): perceptrons of one hidden layer, tanh."""

from __future__ import annotations

import math

from tinygan.layers import Linear, Reshape, Tanh
from tinygan.net import Net


def encoder(shape: tuple[int, ...], latent: int, width: int) -> Net:
    """x (N, H, W, C) → linear, tanh → linear, (N, 2 latent): μ beside log σ²."""
    pixels = math.prod(shape)
    return Net(Reshape(pixels), Linear(pixels, width), Tanh(), Linear(width, 2 * latent))


def decoder(shape: tuple[int, ...], latent: int, width: int) -> Net:
    """z (N, latent) → linear, tanh → linear, (N, H, W, C): logits of the pixels."""
    pixels = math.prod(shape)
    return Net(Linear(latent, width), Tanh(), Linear(width, pixels), Reshape(*shape))
