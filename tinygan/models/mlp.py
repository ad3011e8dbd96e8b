"""A perceptron for points: linear maps with a smooth activation between them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from tinygan.core.init import Shape, normal
from tinygan.core.layer import Array, Layer
from tinygan.core.net import Net
from tinygan.layers import Linear, SiLU

GAIN = 1.68  # 1/√E silu(n)², n ~ N(0, 1)


def mlp(*sizes: int) -> Net:
    """x (N, sizes[0]) → linear, SiLU, …, linear → (N, sizes[-1]). It is smooth, so its derivatives are too.

    Weights are initially N(0, 1.68²/fan_in), which keeps E h² through a SiLU. With smaller weights D is initially flat and does
    not learn small structures, and the tangents of a generator are initially all alike.
    """
    layers: list[Layer] = []
    for a, b in pairwise(sizes):
        layers += [Linear(a, b, init=silu_normal), SiLU()]
    return Net(*layers[:-1])


def silu_normal(rng: np.random.Generator, shape: Shape, fan_in: int) -> Array:
    """N(0, GAIN²/fan_in)."""
    return normal(GAIN / math.sqrt(fan_in))(rng, shape, fan_in)
