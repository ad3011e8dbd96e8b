"""Relative errors, and derivatives by finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinygan.core.layer import Array

STEP = 1e-4  # of the differences: fourth order by Richardson's extrapolation, so 1e-16 from truncation, 1e-12 from rounding
DRAWS = 25  # random points, the most: a point with a kink within the step is drawn again


def finite_difference_error(
    compare: Callable[[], tuple[Callable[[float], Array], Array, float]], agree: float
) -> float:
    """The relative error of a derivative against central differences with Richardson's extrapolation.

    d(h) = (f(h) − f(−h)) / 2h has an error of order h², and (4 d(h/2) − d(h)) / 3 one of order h⁴. ``compare`` draws a point
    and returns t ↦ f there, the derivative at t = 0 and the scale of errors. A point is drawn again until d(h) and d(h/2)
    differ by at most ``agree``: then no kink lies within the step. inf if that never happens.
    """
    for _ in range(DRAWS):
        f, derivative, scale = compare()
        wide, narrow = ((f(h) - f(-h)) / (2 * h) for h in (STEP, STEP / 2))
        if relative_error(wide, narrow, scale) <= agree:
            return relative_error((4 * narrow - wide) / 3, derivative, scale)
    return math.inf


def relative_error(a: Array, b: Array, scale: float | None = None) -> float:
    """max|a − b| / ``scale``, which is max|b| if it is not given; inf if shapes differ."""
    if a.shape != b.shape:
        return math.inf
    return scaled(np.abs(a - b).max(initial=0), np.abs(b).max(initial=0) if scale is None else scale)


def scaled(error: float, scale: float) -> float:
    """|error| / scale, with 0/0 = 0."""
    return float(abs(error) / scale) if scale > 0 else (0.0 if error == 0 else math.inf)


def l2_norm(a: Array) -> float:
    """‖a‖."""
    return float(np.sqrt((a * a).sum()))
