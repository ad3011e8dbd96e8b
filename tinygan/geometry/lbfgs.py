"""The minimum of a smooth function: limited-memory BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5).

x ← x − a H g with H an approximation of (∇²f)⁻¹: a given one, corrected by the last few (s, y) = (Δx, Δg). The length a
is found by bisection. It satisfies the weak Wolfe conditions or, near the minimum, where differences of f are rounding,
the approximate conditions on the gradient (Hager & Zhang 2005, eq. 4.1).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

Objective = Callable[[Array], tuple[float, Array]]  # x (n,) ↦ f, ∇f (n,)
Matrix = Callable[[Array], Array]  # (n,) ↦ (n,), linear

DECREASE, FLATTER = 1e-4, 0.9  # Wolfe's constants
ROUNDING = 1e-10  # relative to f: smaller changes are rounding
TRIALS = 60  # step lengths tried, the most


class Minimum(NamedTuple):
    """The result: x (n,), f(x), ½gᵀHg (the estimated f(x) − min f), the steps, and whether that estimate is small enough."""

    x: Array
    value: float
    decrement: float
    steps: int
    converged: bool


def minimise(
    f: Objective,
    x: Array,
    *,
    scale: float,
    tolerance: float = 1e-8,
    steps: int = 500,
    memory: int = 20,
    inverse: Matrix = lambda g: g,
) -> Minimum:
    """Minimise f from x (n,): until ½gᵀHg <= tolerance² ``scale``, for ``steps`` steps, or until no lower point is found.

    ``scale`` has the units of f, so that ``tolerance`` is relative; ``inverse`` is the initial H.
    Raises UsageError if f is not finite at the start.
    """
    value, g = f(x)
    if not (math.isfinite(value) and np.isfinite(g).all()):
        raise UsageError("the function is not finite at the start; choose another start")
    history: deque[tuple[Array, Array]] = deque(maxlen=memory)
    done = 0
    while True:
        way = -_newton(history, inverse, g)
        slope = float(g @ way)
        converged = -slope / 2 <= tolerance**2 * scale
        found = None if converged or done == steps else _step(f, x, way, value, slope)
        if found is None:
            return Minimum(x, value, -slope / 2, done, converged)
        before, at = x, g
        x, value, g = found
        if (x - before) @ (g - at) > 0:
            history.append((x - before, g - at))
        done += 1


def _newton(history: deque[tuple[Array, Array]], inverse: Matrix, g: Array) -> Array:
    """H g."""
    shares = []
    for s, y in reversed(history):
        share = (s @ g) / (s @ y)
        shares.append(share)
        g = g - share * y
    g = inverse(g)
    if history:
        s, y = history[-1]
        g = g * ((s @ y) / (y @ inverse(y)))
    for (s, y), share in zip(history, reversed(shares), strict=True):
        g = g + (share - (y @ g) / (s @ y)) * s
    return g


def _step(f: Objective, x: Array, way: Array, value: float, slope: float) -> tuple[Array, float, Array] | None:
    """The next (x, f, ∇f) along ``way``; None if none is found."""
    low, high, length = 0.0, math.inf, 1.0
    for _ in range(TRIALS):
        new = x + length * way
        there, g = f(new)
        rate = float(g @ way)
        close = there <= value + ROUNDING * abs(value) and rate <= (2 * DECREASE - 1) * slope
        if not (close or there <= value + DECREASE * length * slope):  # or NaN
            high = length
        elif rate < FLATTER * slope:
            low = length
        else:
            return new, there, g
        length = 2 * low if high == math.inf else (low + high) / 2
    return None
