"""The classifier of a semi-supervised system, without batch statistics: labelled, unlabelled, generated samples stay apart."""

from __future__ import annotations

from tinygan.layer import Layer
from tinygan.layers import Conv2d, Dropout, GlobalMeanPool, LeakyReLU, Linear, Softplus
from tinygan.models.classifier import Classifier, he
from tinygan.models.dcgan import levels
from tinygan.net import Net


def semi(shape: tuple[int, ...], classes: int, width: int, dropout: float) -> Classifier:
    """Images (N, H, W, C) → halved by 4x4 until small → 3x3 → mean over pixels → logits; points (N, d) → perceptron → logits.

    Smaller than the nine layers of Salimans et al. 2016 (table 5) and in their manner: channels double where sides are halved,
    leaky rectifiers, dropout after each.
    """
    layers: list[Layer] = []
    if len(shape) == 1:
        size = 4 * width
        layers = [Linear(shape[0], size, init=he), Softplus(), Linear(size, size, init=he), Softplus()]
    else:
        at, size = shape[2], width
        for _ in range(levels(shape)):
            layers += [Conv2d(at, size, 4, stride=2, pad=1, init=he), LeakyReLU(0.1), Dropout(dropout)]
            at, size = size, 2 * size
        layers += [Conv2d(at, size, 3, pad=1, init=he), LeakyReLU(0.1), GlobalMeanPool()]
    head = Linear(size, classes)
    return Classifier(Net(*layers, head), Net(*layers), Net(head))
