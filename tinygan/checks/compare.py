"""How far two numerical answers are apart, and derivatives by differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinygan.core.layer import Array

STEP = 1e-4  # of the differences: fourth order by Richardson's extrapolation, so 1e-16 from truncation, 1e-12 from rounding
DRAWS = 25  # at most, of a point whose differences do not settle: a kink lies within the step


def settled(compare: Callable[[], tuple[Callable[[float], Array], Array, float]], agree: float) -> float:
    """The error of a derivative against differences at a place where two steps agree, so that no kink lies between.

    ``compare`` draws a place and returns t ↦ f there, the derivative at t = 0, and the scale of errors.
    """
    for _ in range(DRAWS):
        f, derivative, scale = compare()
        wide, narrow = ((f(h) - f(-h)) / (2 * h) for h in (STEP, STEP / 2))
        if far(wide, narrow, scale) <= agree:
            return far((4 * narrow - wide) / 3, derivative, scale)
    return math.inf


def far(a: Array, b: Array, scale: float | None = None) -> float:
    """max|a − b| over ``scale`` (max|b|)."""
    if a.shape != b.shape:
        return math.inf
    return ratio(np.abs(a - b).max(initial=0), np.abs(b).max(initial=0) if scale is None else scale)


def ratio(error: float, scale: float) -> float:
    """|error| / scale, where 0/0 is no error."""
    return float(abs(error) / scale) if scale > 0 else (0.0 if error == 0 else math.inf)


def l2_norm(a: Array) -> float:
    """‖a‖."""
    return float(np.sqrt((a * a).sum()))
