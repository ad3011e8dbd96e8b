"""The network of the Frechet Inception Distance: Inception-v3 (Szegedy et al. 2016) as TensorFlow's file of 2015-12-05 has it.

Each convolution is followed by batch normalisation and ReLU. Trained statistics make the norm affine, so it melts into
the convolution: one weight and one bias. Beside the paper's network this one averages with the pixels that are there
only, has a maximum for the average in its last block, and 1008 classes (Heusel et al. 2017 take its features).
"""

from __future__ import annotations

from tinygan.core.compose import Concat, Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import Conv2d, GlobalMeanPool, Linear, LocalMeanPool, MaxPool2d, ReLU

SIDE, FEATURES, CLASSES = 299, 2048, 1008


def inception() -> Net:
    """x (N, 299, 299, 3), (bytes − 128) / 128 → (N, 2048 + 1008): the features, then the logits without their bias.

    The features are the means over the last 8 x 8 pixels ("pool3"). The Inception Score is defined on logits without the
    bias (Salimans et al. 2016, their program), so there is none.
    """
    return Net(
        conv(3, 32, 3, stride=2),
        conv(32, 32, 3),
        conv(32, 64, 3, pad=1),
        MaxPool2d(3, stride=2),
        conv(64, 80, 1),
        conv(80, 192, 3),
        MaxPool2d(3, stride=2),
        *(mixed_35(192, 32), mixed_35(256, 64), mixed_35(288, 64)),
        to_17(288),
        *(mixed_17(128), mixed_17(160), mixed_17(160), mixed_17(192)),
        to_8(768),
        *(mixed_8(1280, LocalMeanPool(3)), mixed_8(2048, MaxPool2d(3, pad=1))),
        GlobalMeanPool(),
        Concat(Sequential(), Linear(FEATURES, CLASSES, bias=False)),
    )


def mixed_35(c: int, pool: int) -> Layer:
    """35 x 35 pixels, c channels → 224 + ``pool``."""
    return Concat(
        conv(c, 64, 1),
        Sequential(conv(c, 48, 1), conv(48, 64, 5, pad=2)),
        Sequential(conv(c, 64, 1), conv(64, 96, 3, pad=1), conv(96, 96, 3, pad=1)),
        Sequential(LocalMeanPool(3), conv(c, pool, 1)),
    )


def to_17(c: int) -> Layer:
    """35 x 35 pixels, c channels → 17 x 17, 480 + c."""
    return Concat(
        conv(c, 384, 3, stride=2),
        Sequential(conv(c, 64, 1), conv(64, 96, 3, pad=1), conv(96, 96, 3, stride=2)),
        MaxPool2d(3, stride=2),
    )


def mixed_17(m: int) -> Layer:
    """17 x 17 pixels, 768 channels → 768, through m."""
    return Concat(
        conv(768, 192, 1),
        Sequential(conv(768, m, 1), row(m, m), column(m, 192)),
        Sequential(conv(768, m, 1), column(m, m), row(m, m), column(m, m), row(m, 192)),
        Sequential(LocalMeanPool(3), conv(768, 192, 1)),
    )


def to_8(c: int) -> Layer:
    """17 x 17 pixels, c channels → 8 x 8, 512 + c."""
    return Concat(
        Sequential(conv(c, 192, 1), conv(192, 320, 3, stride=2)),
        Sequential(conv(c, 192, 1), row(192, 192), column(192, 192), conv(192, 192, 3, stride=2)),
        MaxPool2d(3, stride=2),
    )


def mixed_8(c: int, pool: Layer) -> Layer:
    """8 x 8 pixels, c channels → 2048."""
    return Concat(
        conv(c, 320, 1),
        Sequential(conv(c, 384, 1), Concat(row(384, 384, 3), column(384, 384, 3))),
        Sequential(conv(c, 448, 1), conv(448, 384, 3, pad=1), Concat(row(384, 384, 3), column(384, 384, 3))),
        Sequential(pool, conv(c, 192, 1)),
    )


def conv(c: int, o: int, k: int, *, stride: int = 1, pad: int = 0) -> Layer:
    """A k x k convolution and ReLU."""
    return Sequential(Conv2d(c, o, k, stride=stride, pad=pad), ReLU())


def row(c: int, o: int, k: int = 7) -> Layer:
    """A 1 x k convolution of the same size, and ReLU."""
    return Sequential(Conv2d(c, o, (1, k), pad=(0, k // 2)), ReLU())


def column(c: int, o: int, k: int = 7) -> Layer:
    """A k x 1 convolution of the same size, and ReLU."""
    return Sequential(Conv2d(c, o, (k, 1), pad=(k // 2, 0)), ReLU())
