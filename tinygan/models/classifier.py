"""A small convolutional classifier, whose last hidden layer gives features for measures of generators."""

from __future__ import annotations

from typing import NamedTuple

from tinygan.core.init import he
from tinygan.core.layer import Array, Layer
from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm, Conv2d, ConvPool2d, GlobalMeanPool, Linear, ReLU


class Classifier(NamedTuple):
    """A net and its two parts. θ is the θ of ``body`` followed by that of ``head``; all running values belong to ``body``."""

    net: Net  # x ↦ logits
    body: Net  # x ↦ features
    head: Net  # features ↦ logits

    def read(self, theta: Array, running: Array, x: Array) -> tuple[Array, Array]:
        """Features (n, 4 width) and logits (n, classes) of images x (n, H, W, C), with running statistics."""
        features = self.body.eval(running).forward(theta[: self.body.size], x)[0]
        return features, self.head.forward(theta[self.body.size :], features)[0]


def classifier(shape: tuple[int, ...], classes: int, width: int) -> Classifier:
    """x (N, H, W, C) → 3x3 → half → 3x3 → half → 3x3 → mean over pixels, (N, 4 width) → linear, logits (N, classes).

    Channels are width, 2 width, 4 width: they double when a 3x3 convolution and a mean over 2x2 pixels
    halve the sides. Every convolution is batch-normalised (Ioffe & Szegedy 2015) and rectified.
    """
    if len(shape) != 3 or shape[0] % 4 or shape[1] % 4:
        raise UsageError(
            f"classifier needs images with sides that are multiples of 4: the data has samples of shape {shape}"
        )
    if classes < 2:
        raise UsageError(f"classifier needs data of at least two classes: this has {classes}")
    w = width
    layers = [
        *block(Conv2d(shape[2], w, 3, pad=1, bias=False, init=he), w),
        *block(ConvPool2d(w, 2 * w, bias=False, init=he), 2 * w),
        *block(Conv2d(2 * w, 2 * w, 3, pad=1, bias=False, init=he), 2 * w),
        *block(ConvPool2d(2 * w, 4 * w, bias=False, init=he), 4 * w),
        *block(Conv2d(4 * w, 4 * w, 3, pad=1, bias=False, init=he), 4 * w),
        GlobalMeanPool(),
    ]
    head = Linear(4 * w, classes)
    return Classifier(Net(*layers, head), Net(*layers), Net(head))


def block(convolution: Layer, channels: int) -> list[Layer]:
    """f, a convolution without bias, batch-normalised and rectified."""
    return [convolution, BatchNorm(channels), ReLU()]
