"""Layers that use a condition c: scale and shift h by it, concatenate it to h, or take its scalar product with h.

Products are bilinear, y = a h:  ẏ = ȧ h + a ḣ;   h̄ = a ȳ + Σ ȧ ẏ̄,  ḣ̄ = a ẏ̄,  ā and ǡ̄ likewise;   ÿ = ä h + a ḧ + ȧᵢ ḣⱼ + ȧⱼ ḣᵢ.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygan.core.compose import Sequential
from tinygan.core.condition import Conditional, Conditioned
from tinygan.core.layer import Bundle, Flow, Layer, Pairs, Params, Saved, Shape, WithCondition, apply, vjp
from tinygan.errors import ShapeError
from tinygan.layers.shape import Columns, Reshape


class FiLM(Conditional):
    """y = (1 + a) h + b, channel by channel, [a, b] = m(c) (Perez et al. 2018, eq. 1).

    h (N, ..., C), m: c (N, d) → (N, 2C). After a batch normalisation this is conditional batch normalisation
    (Dumoulin et al. 2017, eq. 5).
    """

    def __init__(self, m: Layer) -> None:
        super().__init__(m)

    def out_shape(self, shape: Any) -> Shape:
        h: Shape = shape.h
        out = self.children[0].out_shape(shape.c)
        if out != (2 * h[-1],):
            raise ShapeError(
                f"FiLM: m(c) must have two numbers for each channel: got {out}, h (N, {', '.join(map(str, h))})"
            )
        return h

    def forward(self, p: Params, X: Flow) -> tuple[Bundle, Saved]:
        H, C = X
        M, s = apply(self.children[0], p[0], C)
        A, B = self._halves(M, H)
        return product(A, H) + B, ((s,), A, H)

    def vjp(self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True) -> tuple[Any, Any]:
        (s,), A, H = saved
        GM = np.concatenate([over_pixels(product_dx(H, G)), over_pixels(G)], axis=-1)
        GC, g = vjp(self.children[0], p[0], s, GM, wrt_x=wrt_x, wrt_p=wrt_p)
        return WithCondition(product_dx(A, G), GC) if wrt_x else None, (g,) if wrt_p else None

    def jet(self, p: Params, X: Flow, pairs: Pairs) -> Bundle:
        H, C = X
        A, B = self._halves(self.children[0].jet(p[0], C, pairs), H)
        return product_jet(A, H, pairs) + B

    def _halves(self, M: Bundle, H: Bundle) -> tuple[Bundle, Bundle]:
        """1 + a, the factor of h, and b, at every pixel. The constant 1 has no tangent."""
        A, B = np.split(at_pixels(M, H), 2, axis=-1)
        A = A.copy()
        A[0] += 1
        return A, B


class ConcatCondition(Conditional):
    """y = [h, e] along the channels, e = m(c) the same at every pixel (Mirza & Osindero 2014; Reed et al. 2016, §4.1).

    h (N, ..., C), m: c (N, d) → (N, E)  →  y (N, ..., C + E);   ē = Σ over pixels of ȳ's last channels.
    """

    def __init__(self, m: Layer) -> None:
        super().__init__(m)

    def out_shape(self, shape: Any) -> Shape:
        h, c = shape
        (e,) = self.children[0].out_shape(c)
        return *h[:-1], h[-1] + e

    def forward(self, p: Params, X: Flow) -> tuple[Bundle, Saved]:
        E, s = apply(self.children[0], p[0], X.c)
        return self._joined(X.h, E), ((s,),)

    def vjp(self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True) -> tuple[Any, Any]:
        ((s,),) = saved
        shape, _ = s
        at = G.shape[-1] - shape[-1]
        GC, g = vjp(self.children[0], p[0], s, over_pixels(G[..., at:]), wrt_x=wrt_x, wrt_p=wrt_p)
        return WithCondition(G[..., :at].copy(), GC) if wrt_x else None, (g,) if wrt_p else None

    def jet(self, p: Params, X: Flow, pairs: Pairs) -> Bundle:
        return self._joined(X.h, self.children[0].jet(p[0], X.c, pairs))

    def _joined(self, H: Bundle, E: Bundle) -> Bundle:
        return np.concatenate([H, np.broadcast_to(at_pixels(E, H), (*H.shape[:-1], E.shape[-1]))], axis=-1)


class ProjectionHead(Conditional):
    """y = ψ(h) + ⟨v, h⟩, v = m(c): the projection discriminator's last layer (Miyato & Koyama 2018, eq. 3).

    h (N, F), ψ: h → (N, 1), m: c (N, d) → (N, F)  →  y (N, 1).
    """

    def __init__(self, psi: Layer, m: Layer) -> None:
        super().__init__(psi, m)

    def out_shape(self, shape: Any) -> Shape:
        psi, m = (f.out_shape(part) for f, part in zip(self.children, shape, strict=True))
        if m != shape.h or psi != (1,):
            raise ShapeError(
                f"ProjectionHead: ψ(h) must be one number and m(c) have the shape of h: got {psi}, {m}, h {shape.h}"
            )
        return psi

    def forward(self, p: Params, X: Flow) -> tuple[Bundle, Saved]:
        H, C = X
        (Y, s), (V, t) = apply(self.children[0], p[0], H), apply(self.children[1], p[1], C)
        return Y + product(V, H).sum(axis=-1, keepdims=True), ((s, t), V, H)

    def vjp(self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True) -> tuple[Any, Any]:
        (s, t), V, H = saved
        GC, g_m = vjp(self.children[1], p[1], t, product_dx(H, G), wrt_x=wrt_x, wrt_p=wrt_p)
        GH, g_psi = vjp(self.children[0], p[0], s, G, wrt_x=wrt_x, wrt_p=wrt_p)
        return WithCondition(GH + product_dx(V, G), GC) if wrt_x else None, (g_psi, g_m) if wrt_p else None

    def jet(self, p: Params, X: Flow, pairs: Pairs) -> Bundle:
        H, C = X
        Y, V = self.children[0].jet(p[0], H, pairs), self.children[1].jet(p[1], C, pairs)
        jet: Bundle = Y + product_jet(V, H, pairs).sum(axis=-1, keepdims=True)
        return jet


def of_row(shape: Shape, d: int, f: Layer, *stem: Layer) -> Conditioned:
    """y = f(s(h), c) of rows [h, c]: h has the ``shape``, c has d numbers, s is ``Sequential(*stem)``."""
    n = math.prod(shape)
    return Conditioned(Sequential(Columns(0, n), Reshape(*shape), *stem), Columns(n, n + d), f)


def at_pixels(E: Bundle, H: Bundle) -> Bundle:
    """e (T, N, E) with axes of length 1 for the pixels of h."""
    return E.reshape(*E.shape[:2], *[1] * (H.ndim - 3), E.shape[-1])


def over_pixels(G: Bundle) -> Bundle:
    """Σ over pixels: the adjoint of ``at_pixels`` and broadcasting."""
    total: Bundle = G.sum(axis=tuple(range(2, G.ndim - 1)))
    return total


def product(A: Bundle, H: Bundle) -> Bundle:
    """(a, ȧ), (h, ḣ) ↦ (y, ẏ)."""
    Y: Bundle = A[0] * H
    Y[1:] += A[1:] * H[0]
    return Y


def product_dx(A: Bundle, G: Bundle) -> Bundle:
    """(ȳ, ẏ̄) ↦ (h̄, ḣ̄); a is broadcast."""
    GH: Bundle = A[0] * G
    GH[0] += (A[1:] * G[1:]).sum(axis=0)
    return GH


def product_jet(A: Bundle, H: Bundle, pairs: Pairs) -> Bundle:
    """The jet of y from those of a and h."""
    Y = product(A, H)
    i, j = (list(k) for k in pairs)
    a, h = A[1:], H[1:]
    Y[len(Y) - len(i) :] += a[i] * h[j] + a[j] * h[i]
    return Y
