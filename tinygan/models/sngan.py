"""The generator and the discriminator of SNGAN (Miyato et al. 2018, table 4): residual nets for 32x32 images.

Written with the fewest operations: upsample-then-3x3 is one ``UpConv2d``, 3x3-then-pool one ``ConvPool2d``, and a 1x1
shortcut stands before the upsampling and after the pooling, with which it commutes: the same function of fewer pixels.
"""

from __future__ import annotations

from tinygan.compose import Residual, Sequential
from tinygan.layer import Layer
from tinygan.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvPool2d,
    GlobalSumPool,
    Linear,
    ReLU,
    Reshape,
    SpectralNorm,
    Tanh,
    UpConv2d,
    Upsample,
)
from tinygan.layers.weight import WeightLayer
from tinygan.net import Net


def generator(latent: int = 128, width: int = 256, channels: int = 3) -> Net:
    """z (N, latent) → linear → (N, 4, 4, width) → three blocks that double the sides → tanh, (N, 32, 32, channels)."""
    C = width
    return Net(
        Linear(latent, 4 * 4 * C),
        Reshape(4, 4, C),
        *(up(C) for _ in range(3)),
        *(BatchNorm(C), ReLU(), Conv2d(C, channels, 3, pad=1), Tanh()),
    )


def up(C: int) -> Layer:
    """BN, ReLU, up, 3x3, BN, ReLU, 3x3, beside 1x1, up.   (N, H, W, C) → (N, 2H, 2W, C)."""
    branch = Sequential(BatchNorm(C), ReLU(), UpConv2d(C, C), BatchNorm(C), ReLU(), Conv2d(C, C, 3, pad=1))
    return Residual(branch, Sequential(Conv2d(C, C, 1), Upsample()))


def discriminator(width: int = 128, channels: int = 3, *, spectral: bool = True) -> Net:
    """x (N, 32, 32, channels) → four blocks, the first two of which halve the sides → sum over pixels → the logit (N, 1).

    ``spectral`` puts spectral normalisation around every weight, as the paper does.
    """
    C = width
    return Net(
        Residual(
            Sequential(
                weight(Conv2d(channels, C, 3, pad=1), spectral),
                ReLU(),
                weight(ConvPool2d(C, C), spectral),
            ),
            Sequential(AvgPool2d(), weight(Conv2d(channels, C, 1), spectral)),
        ),
        Residual(
            Sequential(
                *(ReLU(), weight(Conv2d(C, C, 3, pad=1), spectral)),
                *(ReLU(), weight(ConvPool2d(C, C), spectral)),
            ),
            Sequential(AvgPool2d(), weight(Conv2d(C, C, 1), spectral)),
        ),
        *(flat(C, spectral) for _ in range(2)),
        *(ReLU(), GlobalSumPool(), weight(Linear(C, 1), spectral)),
    )


def flat(C: int, spectral: bool) -> Layer:
    """ReLU, 3x3, ReLU, 3x3, beside the identity.   (N, H, W, C) → (N, H, W, C)."""
    first, second = (weight(Conv2d(C, C, 3, pad=1), spectral) for _ in range(2))
    return Residual(Sequential(ReLU(), first, ReLU(), second))


def weight(f: WeightLayer, spectral: bool) -> Layer:
    """f, or f under spectral normalisation."""
    return SpectralNorm(f) if spectral else f
