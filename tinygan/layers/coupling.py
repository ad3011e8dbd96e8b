"""Affine coupling (Dinh et al. 2017, §3.3): functions of one part of x scale and shift the rest."""

from __future__ import annotations

import numpy as np

from tinygan.core.compose import Composite
from tinygan.core.layer import Array, Bundle, Layer, Pairs, Params, Saved, Shape, apply, vjp


class Coupling(Composite):
    """y_a = x_a,   y_b = x_b eˢ + t,   ℓ_y = ℓ_x + Σ s,   (s, t) = f(x_a);   [x, ℓ] (N, d + 1) → [y, ℓ] (N, d + 1).

    ℓ is the sum of the log-determinants of the layers. That of this layer is Σ s: its Jacobian in x is triangular with 1
    and eˢ on the diagonal. a is the first ``kept`` numbers of x and b the others; with ``turned`` a is the last ones. ``f``
    maps ``kept`` numbers to 2 (d − kept). Tangents: ẏ_b = eˢ (ẋ_b + x_b ṡ) + ṫ,  ℓ̇_y = ℓ̇_x + Σ ṡ.
    Adjoint, with g = eˢ ȳ_b and ġ = eˢ ẏ̄_b:

        x̄_b = g + Σₖ ġ ṡ,    ẋ̄_b = ġ,    t̄ = ȳ_b,  ṫ̄ = ẏ̄_b,    s̄ = x_b g + Σₖ ġ (ẋ_b + x_b ṡ) + ℓ̄,    ṡ̄ = x_b ġ + ℓ̄_t

    and the adjoint of f takes (s̄, t̄) to x̄_a.
    """

    def __init__(self, d: int, kept: int, f: Layer, *, turned: bool = False) -> None:
        super().__init__(f)
        if not 0 < kept < d:
            raise ValueError(f"Coupling: kept must be at least 1 and below d = {d}: got {kept}")
        self.d, self.kept = d, kept
        self.a = slice(d - kept, d) if turned else slice(0, kept)
        self.b = slice(0, d - kept) if turned else slice(kept, d)

    def out_shape(self, shape: Shape) -> Shape:
        if shape != (self.d + 1,):
            raise self.shape_error(f"expects {self.d} numbers and the log-determinant", shape)
        out = self.children[0].out_shape((self.kept,))
        if out != (2 * (self.d - self.kept),):
            raise self.shape_error(f"f must map {self.kept} numbers to {2 * (self.d - self.kept)}: got {out}", shape)
        return shape

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        ST, of_f = apply(self.children[0], p[0], X[..., self.a])
        S, T = np.split(ST, 2, axis=-1)
        e, x = np.exp(S[0]), X[..., self.b]
        moved = e * x + T
        moved[1:] += e * x[0] * S[1:]
        return self._joined(X, moved, S.sum(axis=-1)), (of_f, e, x, S[1:])

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        S, T = np.split(self.children[0].jet(p[0], X[..., self.a], pairs), 2, axis=-1)
        e, x, (i, j) = np.exp(S[0]), X[..., self.b], (list(k) for k in pairs)
        moved = e * x + T
        moved[1:] += e * x[0] * S[1:]
        u, v, su, sv = x[1:][i], x[1:][j], S[1:][i], S[1:][j]
        moved[len(moved) - len(u) :] += e * (u * sv + v * su + x[0] * su * sv)
        return self._joined(X, moved, S.sum(axis=-1))

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        of_f, e, x, s_dot = saved
        G_b, G_l = G[..., self.b], G[..., -1:]
        g = e * G_b
        G_s = x[0] * g + G_l
        G_s[0] += (g[1:] * (x[1:] + x[0] * s_dot)).sum(axis=0)
        GX_a, gp = vjp(self.children[0], p[0], of_f, np.concatenate([G_s, G_b], axis=-1), wrt_x=wrt_x, wrt_p=wrt_p)
        if not wrt_x:
            return None, (gp,) if wrt_p else None
        g[0] += (g[1:] * s_dot).sum(axis=0)
        GX = G.copy()
        GX[..., self.a] += GX_a
        GX[..., self.b] = g
        return GX, (gp,) if wrt_p else None

    @property
    def piecewise_linear(self) -> bool:
        return False

    def inverse(self, p: Params, y: Array) -> Array:
        """[y, ℓ_y] ↦ [x, ℓ_x], each (N, d + 1): x_b = (y_b − t) e⁻ˢ."""
        st, _ = apply(self.children[0], p[0], y[None, :, self.a])
        s, t = np.split(st[0], 2, axis=-1)
        x = y.copy()
        x[:, self.b] = (y[:, self.b] - t) * np.exp(-s)
        x[:, -1] -= s.sum(axis=-1)
        return x

    def _joined(self, X: Bundle, moved: Array, s: Array) -> Bundle:
        Y = X.copy()
        Y[..., self.b] = moved
        Y[..., -1] += s
        return Y
