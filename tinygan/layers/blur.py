"""Blur: a weighted mean around every pixel; borders are mirrored."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape
from tinygan.layers.border import at, both, extend, mirrored, retract

Taps = tuple[float, ...]  # an odd number of weights; the middle one is the pixel's own
BINOMIAL: Taps = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


class Blur(Layer):
    """y = K x Kᵀ,  ẏ = K ẋ Kᵀ;   x̄ = Kᵀ ȳ K,  ẋ̄ likewise.

    K is a filter w along rows or columns: (K x)[i] = Σᵤ w[u] x[i + u], u = −r ... r, with x mirrored in its
    border pixels (``Pad``). w sums to 1, so a constant image is not changed. Without ``sigma`` w is (1, 4, 6, 4, 1) / 16
    (Burt & Adelson 1983), with r = 2; else it is exp(−u² / 2σ²) for |u| ≤ r = ⌈3σ⌉, divided by its sum.
    x (N, H, W, C), H and W greater than r  →  y (N, H, W, C).
    """

    affine = True

    def __init__(self, sigma: float | None = None) -> None:
        super().__init__()
        if sigma is not None and not 0 < sigma < math.inf:
            raise ValueError(f"Blur: sigma must be finite and greater than 0: got {sigma}")
        self.taps = BINOMIAL if sigma is None else gaussian(sigma)

    def out_shape(self, shape: Shape) -> Shape:
        return mirrored(self, shape, len(self.taps) // 2)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return both(smooth, X, self.taps), None

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return both(smooth_adjoint, G, self.taps)


def gaussian(sigma: float) -> Taps:
    """exp(−u² / 2σ²) at u = −r ... r, r = ⌈3σ⌉, divided by their sum."""
    r = math.ceil(3 * sigma)
    w = np.exp(-0.5 * (np.arange(-r, r + 1) / sigma) ** 2)
    return tuple((w / w.sum()).tolist())


def smooth(A: Array, axis: int, taps: Taps) -> Array:
    """K along one axis."""
    n = A.shape[axis]
    E = extend(A, axis, len(taps) // 2, "reflect")
    return reduce(np.add, [w * E[at(axis, u, u + n)] for u, w in enumerate(taps)])


def smooth_adjoint(G: Array, axis: int, taps: Taps) -> Array:
    """Kᵀ along one axis."""
    n, r = G.shape[axis], len(taps) // 2
    shape = list(G.shape)
    shape[axis] += 2 * r
    E = np.zeros(shape, G.dtype, like=G)
    for u, w in enumerate(taps):
        E[at(axis, u, u + n)] += w * G
    return retract(E, axis, r, "reflect")
