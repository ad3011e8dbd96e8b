"""The minimum of a smooth function: limited-memory BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5).

x ← x − a H g with H an approximation of (∇²f)⁻¹: a given one, corrected by the last few (s, y) = (Δx, Δg). The length a
satisfies the weak Wolfe conditions, or near the minimum, where f has no digits left, the approximate ones of its
gradient (Hager & Zhang 2005, eq. 4.1); it is found by bisection.
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
ROUNDING = 1e-10  # of f, relative: changes below it are not looked at
TRIALS = 60  # of a length


class Minimum(NamedTuple):
    """Where it ended: x (n,), f(x), ½gᵀHg (how much lower the model sees the minimum), and whether that is low enough."""

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
    """From x (n,) downhill until ½gᵀHg <= tolerance² ``scale``, for ``steps`` steps, or until no lower point is found.

    ``scale`` is a size in the units of f, so that ``tolerance`` is relative; ``inverse`` is a first H.
    Raises UsageError where f is not finite at the start.
    """
    value, g = f(x)
    if not (math.isfinite(value) and np.isfinite(g).all()):
        raise UsageError("the function to minimise is not finite where it starts; start elsewhere")
    met: deque[tuple[Array, Array]] = deque(maxlen=memory)
    done = 0
    while True:
        way = -_newton(met, inverse, g)
        slope = float(g @ way)
        converged = -slope / 2 <= tolerance**2 * scale
        found = None if converged or done == steps else _step(f, x, way, value, slope)
        if found is None:
            return Minimum(x, value, -slope / 2, done, converged)
        before, at = x, g
        x, value, g = found
        if (x - before) @ (g - at) > 0:
            met.append((x - before, g - at))
        done += 1


def _newton(met: deque[tuple[Array, Array]], inverse: Matrix, g: Array) -> Array:
    """H g."""
    shares = []
    for s, y in reversed(met):
        share = (s @ g) / (s @ y)
        shares.append(share)
        g = g - share * y
    g = inverse(g)
    if met:
        s, y = met[-1]
        g = g * ((s @ y) / (y @ inverse(y)))
    for (s, y), share in zip(met, reversed(shares), strict=True):
        g = g + (share - (y @ g) / (s @ y)) * s
    return g


def _step(f: Objective, x: Array, way: Array, value: float, slope: float) -> tuple[Array, float, Array] | None:
    """The next (x, f, ∇f) along ``way``; None where there is none."""
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
