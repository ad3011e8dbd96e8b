"""f-divergences as adversarial losses (Nowozin et al. 2016, tables 1, 2, 5, 6): one table of all their formulas.

    D_f(P‖Q) = E_Q f(p/q)  ≥  F(V) = E_P g_f(V(x)) − E_Q f*(g_f(V(x))),      f* (t) = sup_u (ut − f(u))

f is convex on u > 0. V is any net; the increasing function g_f maps its output v into the domain of f*, so T = g_f(V) is
allowed. The two sides are equal if T = f'(p/q). A sample is more probable under P than under Q if T > f'(1).
Values are in nats.

g_f(v), f*(g_f(v)) and their derivatives in v are simplified by hand, so that there is no logarithm of a difference, and no
exponential that is not itself the result. With u* = f*'(g_f(v)), the ratio p/q that belongs to v, (f* ∘ g_f)' = u* g_f'.
Below s = sp(−v) = log(1 + e⁻ᵛ), so that σ(v) = e⁻ˢ and σ(−v) = e^(−sp(v)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

Name = Literal[
    "total-variation",
    "kl",
    "reverse-kl",
    "pearson",
    "neyman",
    "squared-hellinger",
    "jeffrey",
    "jensen-shannon",
    "weighted-jensen-shannon",
    "gan",
    "alpha",
]
LOG2 = math.log(2)
FAR = 36.0  # e⁻³⁶ is below half a unit of 1 in double precision: sp(−v) = e⁻ᵛ from here on


class Divergence(NamedTuple):
    """One row. ``g`` and ``h`` = f* ∘ g_f return a value and its derivative in v, element by element in the type of v."""

    f: Callable[[Array], Array]  # of u > 0
    slope: Callable[[Array], Array]  # f'
    conjugate: Callable[[Array], Array]  # f*, of t below ``top``
    g: Callable[[Array], tuple[Array, Array]]
    h: Callable[[Array], tuple[Array, Array]]
    threshold: float  # f'(1)
    top: float = math.inf  # where the domain of f* ends, the supremum of g_f


def sp(x: Array) -> Array:
    """log(1 + eˣ)."""
    return np.logaddexp(0, x)


def log_sp(x: Array) -> Array:
    """log log(1 + eˣ), which is x for very negative x."""
    return np.where(x < -FAR, x, np.log(sp(np.maximum(x, -FAR))))


def log_w(a: Array) -> Array:
    """y = log W(eᵃ), W Lambert's function: y + eʸ = a, by Newton's steps.

    y + eʸ is convex and increasing, and greater than a at the start, so the steps decrease to the root. Six are enough for
    double precision.
    """
    y = np.minimum(a, np.log(np.maximum(a, 1)))
    for _ in range(6):
        e = np.exp(y)
        y = y - (y + e - a) / (1 + e)
    return y


def jeffrey_h(v: Array) -> tuple[Array, Array]:
    """f*(v) = W + 1/W + v − 2 = u − 1 + log u with u = 1/W, W = W(e^(1−v)); f*' = u."""
    y = log_w(1 - v)
    return np.expm1(-y) - y, np.exp(-y)


def tilted(shift: float) -> Callable[[Array], tuple[Array, Array]]:
    """g = shift − s, g' = σ(−v): from −∞ to ``shift``."""
    return lambda v: (shift - sp(-v), np.exp(-sp(v)))


ROWS = {
    # D_f = ½ ∫ |p − q|
    "total-variation": Divergence(
        f=lambda u: np.abs(u - 1) / 2,
        slope=lambda u: np.sign(u - 1) / 2,
        conjugate=lambda t: t,
        g=lambda v: (np.tanh(v) / 2, 2 * np.exp(-sp(2 * v) - sp(-2 * v))),
        h=lambda v: (np.tanh(v) / 2, 2 * np.exp(-sp(2 * v) - sp(-2 * v))),
        threshold=0,
        top=0.5,
    ),
    # ∫ p log p/q
    "kl": Divergence(
        f=lambda u: u * np.log(u),
        slope=lambda u: 1 + np.log(u),
        conjugate=lambda t: np.exp(t - 1),
        g=lambda v: (v, np.ones_like(v)),
        h=lambda v: (np.exp(v - 1), np.exp(v - 1)),
        threshold=1,
    ),
    # ∫ q log q/p
    "reverse-kl": Divergence(
        f=lambda u: -np.log(u),
        slope=lambda u: -1 / u,
        conjugate=lambda t: -1 - np.log(-t),
        g=lambda v: (-np.exp(-v), np.exp(-v)),
        h=lambda v: (v - 1, np.ones_like(v)),
        threshold=-1,
        top=0,
    ),
    # ∫ (p − q)²/q; left of t = −2 the supremum is at u = 0
    "pearson": Divergence(
        f=lambda u: (u - 1) ** 2,
        slope=lambda u: 2 * (u - 1),
        conjugate=lambda t: np.maximum(t / 2 + 1, 0) ** 2 - 1,
        g=lambda v: (v, np.ones_like(v)),
        h=lambda v: (np.maximum(v / 2 + 1, 0) ** 2 - 1, np.maximum(v / 2 + 1, 0)),
        threshold=0,
    ),
    # ∫ (p − q)²/p
    "neyman": Divergence(
        f=lambda u: (1 - u) ** 2 / u,
        slope=lambda u: 1 - 1 / u**2,
        conjugate=lambda t: 2 - 2 * np.sqrt(1 - t),
        g=lambda v: (-np.expm1(-v), np.exp(-v)),
        h=lambda v: (-2 * np.expm1(-v / 2), np.exp(-v / 2)),
        threshold=0,
        top=1,
    ),
    # ∫ (√p − √q)²
    "squared-hellinger": Divergence(
        f=lambda u: (np.sqrt(u) - 1) ** 2,
        slope=lambda u: 1 - 1 / np.sqrt(u),
        conjugate=lambda t: t / (1 - t),
        g=lambda v: (-np.expm1(-v), np.exp(-v)),
        h=lambda v: (np.expm1(v), np.exp(v)),
        threshold=0,
        top=1,
    ),
    # ∫ (p − q) log p/q
    "jeffrey": Divergence(
        f=lambda u: (u - 1) * np.log(u),
        slope=lambda u: 1 + np.log(u) - 1 / u,
        conjugate=lambda t: jeffrey_h(t)[0],
        g=lambda v: (v, np.ones_like(v)),
        h=jeffrey_h,
        threshold=0,
    ),
    # KL(p‖m) + KL(q‖m), m = (p + q)/2: twice the Jensen-Shannon divergence
    "jensen-shannon": Divergence(
        f=lambda u: u * np.log(u) - (u + 1) * np.log((1 + u) / 2),
        slope=lambda u: np.log(2 * u / (1 + u)),
        conjugate=lambda t: -np.log(2 - np.exp(t)),
        g=tilted(LOG2),
        h=lambda v: (sp(v) - LOG2, np.exp(-sp(-v))),
        threshold=0,
        top=LOG2,
    ),
    # the same − log 4: what Goodfellow's V is at its D
    "gan": Divergence(
        f=lambda u: u * np.log(u) - (u + 1) * np.log(1 + u),
        slope=lambda u: np.log(u / (1 + u)),
        conjugate=lambda t: -np.log(-np.expm1(t)),
        g=tilted(0),
        h=lambda v: (sp(v), np.exp(-sp(-v))),
        threshold=-LOG2,
        top=0,
    ),
}


def weighted_jensen_shannon(pi: float) -> Divergence:
    """π KL(p‖m) + (1 − π) KL(q‖m), m = πp + (1 − π)q: the information of a sample about whether it is from p.

    h = (1 − π) (log(1 − π) − log(1 − e^(−s/π))), a straight line for large v.
    """
    entropy, rest = -pi * math.log(pi), 1 - pi

    def h(v: Array) -> tuple[Array, Array]:
        y = np.minimum(v, FAR)
        a = sp(-y) / pi
        gap = np.log(-np.expm1(-a))
        return rest * (math.log(rest) - gap + (v - y)), rest / pi * np.exp(-a - sp(y) - gap)

    return Divergence(
        f=lambda u: pi * u * np.log(u) - (rest + pi * u) * np.log(rest + pi * u),
        slope=lambda u: pi * np.log(u / (rest + pi * u)),
        conjugate=lambda t: rest * (math.log(rest) - np.log1p(-pi * np.exp(t / pi))),
        g=tilted(entropy),
        h=h,
        threshold=0,
        top=entropy,
    )


def alpha_divergence(a: float) -> Divergence:
    """1/(α(α − 1)) ∫ q ((p/q)^α − 1): KL as α → 1, its reverse as α → 0, ½ Pearson at 2, ½ Neyman at −1, 2 Hellinger² at ½.

    f*(t) = (b^(α/(α−1)) − 1)/α, b = 1 + (α − 1)t; α > 1: v = t, and left of b = 0 the supremum is at u = 0;
    α < 1: v gives b = (1 − α)s, above 0 everywhere.
    """
    k = a / (a - 1)

    def b(t: Array) -> Array:
        return np.maximum(1 + (a - 1) * t, 0)

    def above(v: Array) -> tuple[Array, Array]:
        with np.errstate(divide="ignore"):  # b = 0
            log_b = np.log1p(np.maximum((a - 1) * v, -1))  # near α = 1 b itself is rounded to 1
        return np.expm1(k * log_b) / a, np.exp(log_b / (a - 1))

    def below(v: Array) -> tuple[Array, Array]:
        log_b = math.log(1 - a) + log_sp(-v)
        return np.expm1(k * log_b) / a, np.exp(log_b / (a - 1) - sp(v))

    return Divergence(
        f=lambda u: (u**a - 1 - a * (u - 1)) / (a * (a - 1)),
        slope=lambda u: (u ** (a - 1) - 1) / (a - 1),
        conjugate=lambda t: (b(t) ** k - 1) / a,
        g=(lambda v: (v, np.ones_like(v))) if a > 1 else tilted(1 / (1 - a)),
        h=above if a > 1 else below,
        threshold=0,
        top=math.inf if a > 1 else 1 / (1 - a),
    )


def divergence(name: Name, *, alpha: float = 0.5, pi: float = 0.5) -> Divergence:
    """The row called ``name``. Two rows have a parameter, ``alpha`` or ``pi``. Raises UsageError if it is out of range."""
    if name == "alpha":
        if not abs(alpha) < math.inf or alpha in (0, 1):
            raise UsageError(f"alpha must be finite and neither 0 (use reverse-kl) nor 1 (use kl): got {alpha}")
        return alpha_divergence(alpha)
    if name == "weighted-jensen-shannon":
        if not 0 < pi < 1:
            raise UsageError(f"pi must be a probability between 0 and 1: got {pi}")
        return weighted_jensen_shannon(pi)
    return ROWS[name]
