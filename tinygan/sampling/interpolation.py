"""Arithmetic of latents: interpolation, the mean, and a − b + c (Bojanowski et al. 2018, §4).

Latents are rows of ``recipe.latents``, which may start with a condition. Each function returns them in the order in which the
picture shows their samples.
"""

from __future__ import annotations

import numpy as np

from tinygan.core.layer import Array
from tinygan.errors import UsageError

LEAST = 1e-3  # below this sine of the angle, float32 cannot compute the arc


def between(a: Array, b: Array, n: int, spherical: bool = False) -> Array:
    """n latents from a to b (d,), on the line (1 − t) a + t b, or on the arc of the circle through both around 0.

    (sin((1 − t)ω) a + sin(tω) b) / sin ω, ω the angle between the two (Shoemake 1985), keeps the length of normal latents.
    Raises UsageError.
    """
    if n < 2:
        raise UsageError(f"--columns is at least 2: got {n}")
    t = np.linspace(0, 1, n)[:, None]
    if spherical:
        lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
        omega = np.arccos(np.clip(float(a @ b) / lengths, -1, 1)) if lengths else 0.0
        if np.sin(omega) < LEAST:
            raise UsageError("the two latents lie on one line through 0, which has no arc: drop --spherical")
        weights = np.sin((1 - t) * omega) / np.sin(omega), np.sin(t * omega) / np.sin(omega)
    else:
        weights = 1 - t, t
    return (weights[0] * a + weights[1] * b).astype(a.dtype)


def average(z: Array) -> Array:
    """The latents z (n, d), then their mean."""
    return np.concatenate([z, z.mean(axis=0, keepdims=True)])


def arithmetic(a: Array, b: Array, c: Array) -> Array:
    """The means ⟨a⟩, ⟨b⟩, ⟨c⟩ of latents (n, d), then ⟨a⟩ − ⟨b⟩ + ⟨c⟩."""
    means = [z.mean(axis=0) for z in (a, b, c)]
    return np.stack([*means, means[0] - means[1] + means[2]])
