"""Layers with noise. ``bind`` takes the generator of the noise, so that a bound net is a pure function.

A point and its tangents have the same noise, and so have all calls of one bound net with the same shape.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from tinygan.core.compose import Sequential
from tinygan.core.layer import Array, Bundle, Layer, Params, Saved
from tinygan.errors import UsageError


class Random(Layer):
    """A layer with noise: ``net.bind(running, rng)`` gives it the noise; ``net.eval(running)`` removes it."""

    stream: Callable[[], np.random.Generator] | None = None

    def bind(self, running: Params, rng: np.random.Generator | None) -> Self:
        if rng is None:
            raise UsageError(f"{type(self).__name__} needs noise: pass a generator, net.bind(running, rng)")
        bound = copy.copy(self)
        bound.stream = stream(rng)
        return bound

    def eval(self, running: Params) -> Layer:
        return Sequential()

    def rng(self) -> np.random.Generator:
        """A generator of the same random numbers at each call."""
        if self.stream is None:
            raise UsageError(f"{type(self).__name__} has no noise yet: use net.bind(running, rng) or net.eval(running)")
        return self.stream()


def stream(rng: Any) -> Callable[[], np.random.Generator]:
    """A function that returns a generator of the same random numbers at each call, with a seed drawn from ``rng``.

    A generator on a device makes such a function itself.
    """
    if hasattr(rng, "stream"):
        made: Callable[[], np.random.Generator] = rng.stream()
        return made
    key = int(rng.integers(2**63))
    return lambda: np.random.default_rng(key)


class Dropout(Random):
    """y = m x,  ẏ = m ẋ,  x̄ = m ȳ,  ẋ̄ = m ẏ̄;  m = 0 with probability ``rate``, else 1/(1 − rate) (Srivastava et al. 2014).

    x of any shape; each value has its own m.
    """

    affine = True

    def __init__(self, rate: float = 0.5) -> None:
        super().__init__()
        self.rate = rate
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout: rate must be in [0, 1): got {rate}")

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        kept = self.rng().random(X.shape[1:], np.float32) >= self.rate
        mask: Array = kept.astype(X.dtype) / (1 - self.rate)
        return mask * X, mask

    def backward(self, p: Params, mask: Saved, G: Bundle) -> Bundle:
        return mask * G


class GaussianNoise(Random):
    """y = x + σ n,  n ~ N(0, 1);  ẏ = ẋ,  x̄ = ȳ,  ẋ̄ = ẏ̄.   x of any shape, σ = ``sigma``."""

    affine = True

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Y = X.copy()
        Y[0] += self.sigma * self.rng().standard_normal(X.shape[1:]).astype(X.dtype)
        return Y, None

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return G
