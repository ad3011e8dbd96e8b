"""A perceptron for points: linear maps with a smooth activation between them."""

from __future__ import annotations

from itertools import pairwise

from tinygan.layer import Layer
from tinygan.layers import Linear, Softplus
from tinygan.net import Net


def mlp(*sizes: int) -> Net:
    """x (N, sizes[0]) → linear, softplus, …, linear → (N, sizes[-1]). Smooth, so that its tangents move smoothly too."""
    layers: list[Layer] = []
    for a, b in pairwise(sizes):
        layers += [Linear(a, b), Softplus()]
    return Net(*layers[:-1])
