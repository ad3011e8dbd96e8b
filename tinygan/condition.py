"""Layers of two inputs, y = f(h, c): what flows, and a condition of each sample (a label, a text, a latent) that reaches deep.

``Conditioned`` makes h and c of one x and is an ordinary layer, so that a net has one input as ever: a class-conditional G sees
[z, onehot(y)], a D sees an image and onehot(y) in one row. Nothing is held back from differentiation: c may depend on z
(self-modulation), and tangents of both go through. What c does is in ``layers/conditional.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.compose import Composite
from tinygan.errors import ShapeError
from tinygan.layer import Bundle, Layer, Pairs, Params, Saved, Shape, pull, push


class Conditional(Composite):
    """y = f(h, c).   h (N, ...), c (N, d).  ``meet`` is its forward, ``part`` the adjoint (h̄, c̄, p̄), ``meet_jet`` its jet."""

    @property
    def piecewise_linear(self) -> bool:
        return False  # of h and c together

    def fits(self, shape: Shape, d: int) -> Shape:
        """The shape of one y from that of one h; ShapeError where h or c (d,) does not fit."""
        raise NotImplementedError

    def meet(self, p: Params, H: Bundle, C: Bundle) -> tuple[Bundle, Saved]:
        raise NotImplementedError

    def part(self, p: Params, saved: Saved, G: Bundle, *, wrt_h: bool, wrt_p: bool) -> tuple[Any, Bundle, Any]:
        raise NotImplementedError

    def meet_jet(self, p: Params, H: Bundle, C: Bundle, pairs: Pairs) -> Bundle:
        raise NotImplementedError


class Conditioned(Composite):
    """y = f(s(x), c(x)): of x the ``stem`` makes what flows and ``condition`` the condition.   x̄ = s̄ + c̄."""

    def __init__(self, stem: Layer, condition: Layer, f: Conditional) -> None:
        super().__init__(stem, condition, f)

    @property
    def piecewise_linear(self) -> bool:
        return False

    def out_shape(self, shape: Shape) -> Shape:
        stem, condition, f = self.children
        assert isinstance(f, Conditional)
        (d,) = condition.out_shape(shape)
        return f.fits(stem.out_shape(shape), d)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        stem, condition, f = self.children
        assert isinstance(f, Conditional)
        (H, s), (C, t) = push(stem, p[0], X), push(condition, p[1], X)
        Y, u = f.meet(p[2], H, C)
        return Y, (s, t, (Y.shape, u))

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        stem, condition, f = self.children
        assert isinstance(f, Conditional)
        return f.meet_jet(p[2], stem.jet(p[0], X, pairs), condition.jet(p[1], X, pairs), pairs)

    def pull(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        stem, condition, f = self.children
        assert isinstance(f, Conditional)
        GH, GC, g = f.part(p[2], saved[2][1], G, wrt_h=True, wrt_p=wrt_p)
        a, g_stem = pull(stem, p[0], saved[0], GH, wrt_x=wrt_x, wrt_p=wrt_p)
        b, g_condition = pull(condition, p[1], saved[1], GC, wrt_x=wrt_x, wrt_p=wrt_p)
        return kernels.combine(1, a, 1, b) if wrt_x else None, (g_stem, g_condition, g) if wrt_p else None


class Row(Conditional):
    """y = fₙ(… f₁(h, c) …, c); of the f the conditional ones see c, the others do not.   c̄ = Σ c̄ᵢ."""

    def fits(self, shape: Shape, d: int) -> Shape:
        for f in self.children:
            shape = f.fits(shape, d) if isinstance(f, Conditional) else f.out_shape(shape)
        return shape

    def meet(self, p: Params, H: Bundle, C: Bundle) -> tuple[Bundle, Saved]:
        saved: list[Any] = []
        for f, q in zip(self.children, p, strict=True):
            if isinstance(f, Conditional):
                H, s = f.meet(q, H, C)
                s = H.shape, s
            else:
                H, s = push(f, q, H)
            saved.append(s)
        return H, (saved, C)

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        return super().update(running, p, saved[0])

    def part(self, p: Params, saved: Saved, G: Any, *, wrt_h: bool, wrt_p: bool) -> tuple[Any, Bundle, Any]:
        grads: list[Any] = []
        saved, C = saved
        GC = np.zeros_like(C)
        for i in reversed(range(len(self.children))):
            f, on = self.children[i], wrt_h or i > 0
            if isinstance(f, Conditional):
                G, gc, g = f.part(p[i], saved[i][1], G, wrt_h=on, wrt_p=wrt_p)
                GC += gc
            else:
                G, g = pull(f, p[i], saved[i], G, wrt_x=on, wrt_p=wrt_p)
            grads.append(g)
        return G, GC, tuple(reversed(grads)) if wrt_p else None

    def meet_jet(self, p: Params, H: Bundle, C: Bundle, pairs: Pairs) -> Bundle:
        for f, q in zip(self.children, p, strict=True):
            H = f.meet_jet(q, H, C, pairs) if isinstance(f, Conditional) else f.jet(q, H, pairs)
        return H


class Fork(Conditional):
    """y = f(h, c) + s(h): a residual block whose branch sees c.   ``Fork(f)`` has the identity for s."""

    def __init__(self, f: Conditional, shortcut: Row | None = None) -> None:
        super().__init__(f, shortcut or Row())

    def fits(self, shape: Shape, d: int) -> Shape:
        a, b = (f.fits(shape, d) for f in self._both())
        if a != b:
            raise ShapeError(f"Fork: the branch and the shortcut end in one shape: {a} and {b}")
        return a

    def meet(self, p: Params, H: Bundle, C: Bundle) -> tuple[Bundle, Saved]:
        (Y, s), (Z, t) = (f.meet(q, H, C) for f, q in zip(self._both(), p, strict=True))
        return kernels.combine(1, Y, 1, Z), ((Y.shape, s), (Z.shape, t))

    def part(self, p: Params, saved: Saved, G: Bundle, *, wrt_h: bool, wrt_p: bool) -> tuple[Any, Bundle, Any]:
        (a, c, g), (b, d, h) = (
            f.part(q, s, G, wrt_h=wrt_h, wrt_p=wrt_p) for f, q, (_, s) in zip(self._both(), p, saved, strict=True)
        )
        return kernels.combine(1, a, 1, b) if wrt_h else None, c + d, (g, h) if wrt_p else None

    def meet_jet(self, p: Params, H: Bundle, C: Bundle, pairs: Pairs) -> Bundle:
        Y, Z = (f.meet_jet(q, H, C, pairs) for f, q in zip(self._both(), p, strict=True))
        return kernels.combine(1, Y, 1, Z)

    def _both(self) -> tuple[Any, ...]:
        return self.children
