"""The papers' nets, one module for each family. Functions that return a ``Net`` are public, their helpers are not.

    G = tinygan.models.dcgan.generator((28, 28, 1), latent=64, width=32)    # z (N, 64) → x (N, 28, 28, 1) in [-1, 1]
    D = tinygan.models.dcgan.discriminator((28, 28, 1), width=32)           # x (N, 28, 28, 1) → logits (N, 1)

``shape`` is (H, W, C) of one image, or (n,) of one point; ``latent`` the length of z; ``width`` a number of channels or units.
"""

from tinygan.models import (
    began,
    classifier,
    cyclegan,
    dcgan,
    draw,
    flow,
    gran,
    inception,
    infogan,
    lapgan,
    mlp,
    perceptron,
    scratch,
    semi,
    sngan,
    text,
    vae,
)

__all__ = [
    "began",
    "classifier",
    "cyclegan",
    "dcgan",
    "draw",
    "flow",
    "gran",
    "inception",
    "infogan",
    "lapgan",
    "mlp",
    "perceptron",
    "scratch",
    "semi",
    "sngan",
    "text",
    "vae",
]
