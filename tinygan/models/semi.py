"""The classifier of a semi-supervised system, without batch statistics, so that its outputs are independent between samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from tinygan.core.compose import Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import (
    BatchNorm,
    Conv2d,
    Dropout,
    GaussianNoise,
    LeakyReLU,
    Linear,
    MinibatchDiscrimination,
    ReLU,
    Reshape,
    SiLU,
    Softplus,
    Tanh,
    Virtual,
    VirtualBatchNorm,
    WeightNorm,
)
from tinygan.layers.weight import WeightLayer
from tinygan.models.classifier import Classifier, he
from tinygan.models.dcgan import levels
from tinygan.models.mlp import mlp

FEATURES = 128  # features before the logits, for images
# units of a perceptron's hidden layers, divided by its width: 1000, 500, 250, 250, 250 in the authors' code
SIZES = (4, 2, 1, 1, 1)
Noise = tuple[float, float]  # σ at the input, and after each hidden layer


def semi(
    shape: tuple[int, ...],
    classes: int,
    width: int,
    dropout: float,
    *,
    noise: Noise | None = None,
    weight_norm: bool = False,
    kernels: int = 0,
) -> Classifier:
    """Images (N, H, W, C) → halved by 4x4 until small → 3x3 → linear → logits; points (N, d) → perceptron → logits.

    A smaller version of the nine layers of Salimans et al. 2016 (table 5): channels double when sides are halved, with leaky
    rectifiers, and dropout after each convolution. With ``noise`` it is the perceptron of their code for MNIST, with rectifiers
    and Gaussian noise instead of dropout. ``weight_norm`` normalises each map, except for points without noise. Minibatch
    discrimination adds ``kernels`` numbers to the features.
    """
    norm: Callable[[WeightLayer], Layer] = WeightNorm if weight_norm else _plain
    layers: list[Layer] = []
    if noise is not None:
        sizes = [math.prod(shape), *(n * width for n in SIZES)]
        layers, size = [Reshape(sizes[0]), GaussianNoise(noise[0])], sizes[-1]
        for a, b in pairwise(sizes):
            layers += [norm(Linear(a, b, init=he)), ReLU(), GaussianNoise(noise[1])]
    elif len(shape) == 1:
        size = 4 * width
        layers = [mlp(shape[0], size, size, size).f, SiLU()]
    else:
        at, size = shape[2], width
        for _ in range(levels(shape)):
            layers += [norm(Conv2d(at, size, 4, stride=2, pad=1, init=he)), LeakyReLU(0.1), Dropout(dropout)]
            at, size = size, 2 * size
        layers += [norm(Conv2d(at, size, 3, pad=1, init=he)), LeakyReLU(0.1), Dropout(dropout)]
        inner = size * (shape[0] >> levels(shape)) * (shape[1] >> levels(shape))
        layers += [Reshape(inner), norm(Linear(inner, FEATURES, init=he)), LeakyReLU(0.1)]
        size = FEATURES
    if kernels:
        layers += [MinibatchDiscrimination(size, kernels, weight_norm=weight_norm)]
        size += kernels
    head = norm(Linear(size, classes))
    return Classifier(Net(*layers, head), Net(*layers), Net(head))


def softplus_generator(shape: tuple[int, ...], latent: int, width: int, reference: int = 0) -> Net:
    """z → two hidden layers of 4 ``width``, batch-normalised, softplus → tanh → x: G of the same code, which has 500 units.

    With ``reference`` > 0 the norms are virtual, with so many latents drawn once (Salimans et al. 2016, §3.5).
    """
    h, out = 4 * width, math.prod(shape)
    layers: list[Layer] = []
    for a, b in pairwise((latent, h, h)):
        layers += [Linear(a, b, bias=False), VirtualBatchNorm(b, reference) if reference else BatchNorm(b), Softplus()]
    layers += [Linear(h, out), Tanh(), Reshape(*shape)]
    return Net(Virtual(Sequential(*layers), (latent,), reference)) if reference else Net(*layers)


def _plain(f: WeightLayer) -> Layer:
    return f
