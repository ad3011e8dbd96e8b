"""Gaussian filters along one side of an image (Gregor et al. 2015, §3.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Pairs, Params, Saved, Shape
from tinygan.layers.attention import softmax, softmax_dx
from tinygan.layers.conditional import product_dx, product_jet
from tinygan.layers.softmax import mean_of

NONE: Pairs = ((), ())


class Filterbank(Layer):
    """F_ia = e^q_ia / Σ_b e^q_ib,  q_ia = −½ v (a − μ_i)²,  μ_i = g + k_i δ   (Gregor et al. 2015, eqs. 19-20, 22-26).

    Pixels are a = 1 … A, filters i = 1 … n, k_i = i − n/2 − ½. The centres μ_i are evenly spaced
    around g with stride δ, and all variances are 1/v:

        g = ½ (A + 1)(g̃ + 1),   v = e^(−log σ²),   δ = ``unit`` e^(log δ̃)      from x = [g̃, log σ², log δ̃]

    Rows sum to 1. At δ = 1, n = A, g̃ = 0 and a small σ, F is the identity. The value of q at the pixel t_i next to μ_i is
    subtracted, which does not change F: there are no squares, and no cancellation for a narrow filter or a far one.
    With r = a − t, m = μ − ½ (a + t), Σ over a (for v̄ over i and a), Σₖ over tangents, and softmax as in ``Attend``

                  q = v r m
        tangent   μ̇ = ½ (A + 1) g̃˙ + k δ̇,   v̇ = −v (log σ²)˙,   δ̇ = δ (log δ̃)˙,   q̇ = v̇ r m + v r μ̇
        adjoint   μ̄ = Σ v r q̄ + Σₖ Σ v̇ r q̇̄,   μ̇̄ = Σ v r q̇̄;    v̄ = Σ r m q̄ + Σₖ Σ r μ̇ q̇̄,   v̇̄ = Σ r m q̇̄
                  of g̃: ½ (A + 1) Σ μ̄;   δ̄ = Σ k μ̄;   of y = eˣ: x̄ = y ȳ + Σₖ ẏ ẏ̄,  ẋ̄ = y ẏ̄

    x (N, 3)  →  F (N, n, A); n = ``filters``, A = ``pixels``.
    """

    def __init__(self, filters: int, pixels: int, unit: float = 1.0) -> None:
        super().__init__()
        self.filters, self.pixels, self.unit = filters, pixels, unit
        if filters < 1 or pixels < 1:
            raise ValueError(f"Filterbank: needs at least one filter and one pixel: got {filters} and {pixels}")

    def out_shape(self, shape: Shape) -> Shape:
        if shape != (3,):
            raise self.shape_error("expects rows of 3 numbers: centre, log-variance and log-stride", shape)
        return self.filters, self.pixels

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        F, *saved = self.flow(X, NONE)
        return F, (F, *saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        F, v, delta, r, m = saved
        GQ = softmax_dx(F, G)
        GM = (r * product_dx(v[..., None], GQ)).sum(axis=-1)
        g = 0.5 * (self.pixels + 1) * GM.sum(axis=-1, keepdims=True)
        log_var = -product_dx(v, product_dx(r * m, GQ).sum(axis=(-2, -1))[..., None])
        log_stride = product_dx(delta, (self.places(GM) * GM).sum(axis=-1, keepdims=True))
        return np.concatenate([g, log_var, log_stride], axis=-1)

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        n = len(u)
        F, *_ = self.flow(np.concatenate([x[None], u, v, np.zeros_like(u)]), (range(n), range(n, 2 * n)))
        return F[1 + 2 * n :]

    def flow(self, X: Bundle, pairs: Pairs) -> tuple[Bundle, Bundle, Bundle, Array, Bundle]:
        """The jets of F, v and δ, r, the jet of m."""
        g, log_var, log_stride = np.split(X, 3, axis=-1)
        half = 0.5 * (self.pixels + 1)
        v, delta = exp_jet(-log_var, pairs), self.unit * exp_jet(log_stride, pairs)
        mu = half * g + self.places(X) * delta
        mu[0] += half
        a = np.arange(1, self.pixels + 1, dtype=X.dtype, like=X)
        t = mu[0].round().clip(1, self.pixels)[..., None]
        m = np.repeat(mu[..., None], self.pixels, axis=-1)
        m[0] -= 0.5 * (a + t)
        return softmax_jet(product_jet(v[..., None], (a - t) * m, pairs), pairs), v, delta, a - t, m

    def places(self, like: Array) -> Any:
        """k (n,)."""
        return np.arange(self.filters, dtype=like.dtype, like=like) + (0.5 - 0.5 * self.filters)


def exp_jet(X: Bundle, pairs: Pairs) -> Bundle:
    """y = eˣ,  ẏ = y ẋ,  ÿ = y (ẍ + ẋᵢ ẋⱼ); its adjoint is ``product_dx`` of y."""
    y = np.exp(X[0])
    Y = y * X
    Y[0] = y
    i, j = (X[1:][list(k)] for k in pairs)
    Y[len(Y) - len(i) :] += y * i * j
    return Y


def softmax_jet(S: Bundle, pairs: Pairs) -> Bundle:
    """β, β̇ as ``softmax`` and β̈ = β ∘ (a − ⟨β, a⟩),  a = s̈ + c_i c_j,  c = ṡ − ⟨β, ṡ⟩."""
    B = softmax(S)
    i, j = ((S - mean_of(B[0], S))[1:][list(k)] for k in pairs)
    B[len(B) - len(i) :] += B[0] * (i * j - mean_of(B[0], i * j))
    return B
