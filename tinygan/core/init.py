"""Initial weights: functions (rng, shape, fan_in) → float64 array."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy import ndarray as Array

Shape = tuple[int, ...]
Init = Callable[[np.random.Generator, Shape, int], Array]


def normal(std: float) -> Init:
    """N(0, std²); std = 0.02 is DCGAN's (Radford et al. 2016, §3)."""
    return _Normal(std)


class _Normal:
    def __init__(self, std: float) -> None:
        self.std = std

    def __call__(self, rng: np.random.Generator, shape: Shape, fan_in: int) -> Array:
        return rng.normal(0, self.std, shape)

    def __repr__(self) -> str:
        return f"normal({self.std})"


def lecun(rng: np.random.Generator, shape: Shape, fan_in: int) -> Array:
    """N(0, 1/fan_in): keeps the variance of a linear map (LeCun et al. 1998, §4.6)."""
    return rng.normal(0, math.sqrt(1 / fan_in), shape)


def he(rng: np.random.Generator, shape: Shape, fan_in: int) -> Array:
    """N(0, 2/fan_in): keeps the variance through a rectifier (He et al. 2015, eq. 10)."""
    return rng.normal(0, math.sqrt(2 / fan_in), shape)
