"""The truncation trick: latents from a truncated normal distribution (Brock et al. 2019, §3.1).

z ~ N(0, 1) given |z| ≤ τ. The smaller τ is, the better and the less varied the images are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError


def truncated(rng: np.random.Generator, shape: tuple[int, ...], tau: float) -> Array:
    """z (shape), float32: each number is drawn again until |z| ≤ τ. Raises UsageError unless τ is positive and finite.

    Candidates are normal and accepted where |z| ≤ τ, or uniform on [−τ, τ] and accepted with probability exp(−z²/2). Both give
    the same distribution and accept the shares 2Φ(τ) − 1 and (2Φ(τ) − 1)√(π/2)/τ. The larger share, at least 78 %, is used.
    """
    check_truncation(tau)
    most = np.float32(min(tau, float(np.finfo(np.float32).max)))
    if float(most) > tau:
        most = np.nextafter(most, np.float32(0))  # rounding to float32 may have gone above τ
    draw = normal if tau >= math.sqrt(math.pi / 2) else uniform
    z = np.zeros(0, np.float32)
    while len(z) < math.prod(shape):
        z = np.concatenate([z, draw(rng, math.prod(shape) - len(z), most)])
    return z.reshape(shape)


def normal(rng: np.random.Generator, n: int, most: np.float32) -> Array:
    """Those of n normal numbers within the bound."""
    z = rng.standard_normal(n, np.float32)
    return z[np.abs(z) <= most]


def uniform(rng: np.random.Generator, n: int, most: np.float32) -> Array:
    """Those of n uniform numbers that are accepted."""
    z = most * rng.uniform(-1, 1, n).astype(np.float32)
    return z[rng.random(n) < np.exp(-z * z / 2)]


def variance(tau: float) -> float:
    """⟨z²⟩ = 1 − 2τφ(τ)/(2Φ(τ) − 1),  φ and Φ the density and the distribution of N(0, 1).

    Below τ = 1, where the difference loses digits: E/(1 + E), E = τ²/3 + τ⁴/(3·5) + τ⁶/(3·5·7) + ..., from the series
    2Φ(τ) − 1 = 2φ(τ) (τ + τ³/3 + τ⁵/(3·5) + ...).
    """
    check_truncation(tau)
    if tau >= 1:
        density = math.exp(-tau * tau / 2) / math.sqrt(2 * math.pi)
        return 1 - 2 * tau * density / math.erf(tau / math.sqrt(2))
    E = 0.0
    for n in range(27, 1, -2):  # the first term left out is below 1e-17
        E = tau * tau / n * (1 + E)
    return E / (1 + E)


def check_truncation(tau: float) -> None:
    """Raise UsageError unless τ is finite and at least the smallest normal float32."""
    least = float(np.finfo(np.float32).tiny)
    if not least <= tau < math.inf:
        raise UsageError(f"a truncation is a finite number, at least {least:.0e}: got {tau}")
