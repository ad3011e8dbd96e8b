"""The classifier of a semi-supervised system, without batch statistics: labelled, unlabelled, generated samples stay apart."""

from __future__ import annotations

from tinygan.layer import Layer
from tinygan.layers import Conv2d, Dropout, LeakyReLU, Linear, Reshape, SiLU
from tinygan.models.classifier import Classifier, he
from tinygan.models.dcgan import levels
from tinygan.models.mlp import mlp
from tinygan.net import Net

FEATURES = 128  # numbers before the logits, of images


def semi(shape: tuple[int, ...], classes: int, width: int, dropout: float) -> Classifier:
    """Images (N, H, W, C) → halved by 4x4 until small → 3x3 → linear → logits; points (N, d) → perceptron → logits.

    Smaller than the nine layers of Salimans et al. 2016 (table 5) and in their manner: channels double where sides are halved,
    leaky rectifiers, dropout after each convolution.
    """
    layers: list[Layer] = []
    if len(shape) == 1:
        size = 4 * width
        layers = [mlp(shape[0], size, size, size).f, SiLU()]
    else:
        at, size = shape[2], width
        for _ in range(levels(shape)):
            layers += [Conv2d(at, size, 4, stride=2, pad=1, init=he), LeakyReLU(0.1), Dropout(dropout)]
            at, size = size, 2 * size
        layers += [Conv2d(at, size, 3, pad=1, init=he), LeakyReLU(0.1), Dropout(dropout)]
        inner = size * (shape[0] >> levels(shape)) * (shape[1] >> levels(shape))
        layers += [Reshape(inner), Linear(inner, FEATURES, init=he), LeakyReLU(0.1)]
        size = FEATURES
    head = Linear(size, classes)
    return Classifier(Net(*layers, head), Net(*layers), Net(head))
