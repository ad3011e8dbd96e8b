"""Layers of two inputs, y = f(h, c): what flows, and a condition of each sample (a label, a text, a latent) that reaches deep.

``Conditioned`` makes h and c of one x and is an ordinary layer, so that a net has one input as ever: a class-conditional G sees
[z, onehot(y)], a D sees an image and onehot(y) in one row. Nothing is held back from differentiation: c may depend on z
(self-modulation), and tangents of both go through. What c does is in ``layers/conditional.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core.compose import Composite, Sequential
from tinygan.core.layer import Bundle, Layer, Pairs, Params, Saved, Shape, apply, vjp
from tinygan.errors import ShapeError


class Conditional(Composite):
    """y = f(h, c).   h (N, ...), c (N, d).  ``meet`` is its forward, ``part`` the adjoint (h̄, c̄, p̄), ``meet_jet`` its jet.

    The first of what ``meet`` saves is what its children saved.
    """

    @property
    def piecewise_linear(self) -> bool:
        return False  # of h and c together

    def fits(self, shape: Shape, d: int) -> Shape:
        """The shape of one y from that of one h; ShapeError where h or c (d,) does not fit."""
        raise NotImplementedError

    def meet(self, p: Params, H: Bundle, C: Bundle) -> tuple[Bundle, Saved]:
        raise NotImplementedError

    def part(self, p: Params, saved: Saved, G: Bundle, *, wrt_h: bool, wrt_p: bool) -> tuple[Any, Any, Any]:
        raise NotImplementedError

    def meet_jet(self, p: Params, H: Bundle, C: Bundle, pairs: Pairs) -> Bundle:
        raise NotImplementedError

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        return super().update(running, p, saved[0])


def fits(f: Layer, shape: Shape, d: int) -> Shape:
    """``out_shape``, of h and c."""
    return f.fits(shape, d) if isinstance(f, Conditional) else f.out_shape(shape)


def meet(f: Layer, p: Params, H: Bundle, C: Bundle) -> tuple[Bundle, Saved]:
    """``apply``, of h and c; a layer of one input lets c by."""
    if not isinstance(f, Conditional):
        return apply(f, p, H)
    Y, saved = f.meet(p, H, C)
    return Y, (Y.shape, saved)


def part(f: Layer, p: Params, saved: Saved, G: Bundle, *, wrt_h: bool, wrt_p: bool) -> tuple[Any, Any, Any]:
    """``vjp``, to (h̄, c̄, p̄); c̄ of a layer of one input is 0."""
    if isinstance(f, Conditional):
        return f.part(p, saved[1], G, wrt_h=wrt_h, wrt_p=wrt_p)
    GH, g = vjp(f, p, saved, G, wrt_x=wrt_h, wrt_p=wrt_p)
    return GH, 0, g


def meet_jet(f: Layer, p: Params, H: Bundle, C: Bundle, pairs: Pairs) -> Bundle:
    """``Layer.jet``, of h and c."""
    return f.meet_jet(p, H, C, pairs) if isinstance(f, Conditional) else f.jet(p, H, pairs)


class Conditioned(Composite):
    """y = f(s(x), c(x)): of x the ``stem`` makes what flows and ``condition`` the condition.   x̄ = s̄ + c̄."""

    def __init__(self, stem: Layer, condition: Layer, f: Conditional) -> None:
        super().__init__(stem, condition, f)

    @property
    def piecewise_linear(self) -> bool:
        return False

    def out_shape(self, shape: Shape) -> Shape:
        stem, condition, f = self.children
        (d,) = condition.out_shape(shape)
        return fits(f, stem.out_shape(shape), d)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        stem, condition, f = self.children
        (H, s), (C, t) = apply(stem, p[0], X), apply(condition, p[1], X)
        Y, u = meet(f, p[2], H, C)
        return Y, (s, t, u)

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        stem, condition, f = self.children
        return meet_jet(f, p[2], stem.jet(p[0], X, pairs), condition.jet(p[1], X, pairs), pairs)

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        stem, condition, f = self.children
        GH, GC, g = part(f, p[2], saved[2], G, wrt_h=True, wrt_p=wrt_p)
        a, g_stem = vjp(stem, p[0], saved[0], GH, wrt_x=wrt_x, wrt_p=wrt_p)
        b, g_condition = vjp(condition, p[1], saved[1], GC, wrt_x=wrt_x, wrt_p=wrt_p)
        return kernels.combine(1, a, 1, b) if wrt_x else None, (g_stem, g_condition, g) if wrt_p else None


class Row(Conditional):
    """y = fₙ(… f₁(h, c) …, c); of the f the conditional ones see c, the others do not.   c̄ = Σ c̄ᵢ."""

    def fits(self, shape: Shape, d: int) -> Shape:
        for f in self.children:
            shape = fits(f, shape, d)
        return shape

    def meet(self, p: Params, H: Bundle, C: Bundle) -> tuple[Bundle, Saved]:
        saved = []
        for f, q in zip(self.children, p, strict=True):
            H, s = meet(f, q, H, C)
            saved.append(s)
        return H, (saved, C)

    def part(self, p: Params, saved: Saved, G: Any, *, wrt_h: bool, wrt_p: bool) -> tuple[Any, Any, Any]:
        grads: list[Any] = []
        GC = np.zeros_like(saved[1])
        for i in reversed(range(len(self.children))):
            G, gc, g = part(self.children[i], p[i], saved[0][i], G, wrt_h=wrt_h or i > 0, wrt_p=wrt_p)
            GC += gc
            grads.append(g)
        return G, GC, tuple(reversed(grads)) if wrt_p else None

    def meet_jet(self, p: Params, H: Bundle, C: Bundle, pairs: Pairs) -> Bundle:
        for f, q in zip(self.children, p, strict=True):
            H = meet_jet(f, q, H, C, pairs)
        return H


class Fork(Conditional):
    """y = f(h, c) + s(h, c): a residual block that sees c.   ``Fork(f)`` has the identity for s."""

    def __init__(self, f: Conditional, shortcut: Layer | None = None) -> None:
        super().__init__(f, shortcut or Sequential())

    def fits(self, shape: Shape, d: int) -> Shape:
        a, b = (fits(f, shape, d) for f in self.children)
        if a != b:
            raise ShapeError(f"Fork: the branch and the shortcut end in one shape: {a} and {b}")
        return a

    def meet(self, p: Params, H: Bundle, C: Bundle) -> tuple[Bundle, Saved]:
        (Y, s), (Z, t) = (meet(f, q, H, C) for f, q in zip(self.children, p, strict=True))
        return kernels.combine(1, Y, 1, Z), ((s, t),)

    def part(self, p: Params, saved: Saved, G: Bundle, *, wrt_h: bool, wrt_p: bool) -> tuple[Any, Any, Any]:
        (a, c, g), (b, d, h) = (
            part(f, q, s, G, wrt_h=wrt_h, wrt_p=wrt_p) for f, q, s in zip(self.children, p, saved[0], strict=True)
        )
        return kernels.combine(1, a, 1, b) if wrt_h else None, c + d, (g, h) if wrt_p else None

    def meet_jet(self, p: Params, H: Bundle, C: Bundle, pairs: Pairs) -> Bundle:
        Y, Z = (meet_jet(f, q, H, C, pairs) for f, q in zip(self.children, p, strict=True))
        return kernels.combine(1, Y, 1, Z)
