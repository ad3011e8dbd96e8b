"""Layers with a condition, y = f(h, c): c is a class, a text or a latent of each sample, h is an image or features.

``Conditioned`` makes h and c from one x and is an ordinary layer: a net has one input, for instance the rows [z, onehot(class)]
of a class-conditional generator. c is differentiated as h is: it may depend on z (self-modulation), and both have tangents.
The layers that use c are in ``layers/conditional.py``; ``Sequential``, ``Residual`` and ``Concat`` pass it on.
"""

from __future__ import annotations

from tinygan import kernels
from tinygan.core.compose import Composite
from tinygan.core.layer import Bundle, Flow, Layer, Pairs, Params, Saved, Shape, WithCondition, apply, vjp


class Conditional(Composite):
    """The base of a layer y = f(h, c).   h (N, ...), c (N, d).

    X and the x̄ that ``vjp`` returns are each a ``WithCondition``, and so is the shape of ``out_shape``. The first part of
    ``saved`` is what the children saved.
    """

    def __init__(self, *children: Layer) -> None:
        super().__init__(*children)
        self.conditional = True

    @property
    def piecewise_linear(self) -> bool:
        return False  # in h and c together

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        return super().update(running, p, saved[0])


class Conditioned(Composite):
    """y = f(s(x), m(x)), h = s(x) by the ``stem`` s and c = m(x) by the ``condition`` m.

    (h̄, c̄) = f's,   x̄ = Jₛᵀ h̄ + Jₘᵀ c̄ and the terms of the tangents, each from the layer's own adjoint.
    """

    serves_conditions = True

    def __init__(self, stem: Layer, condition: Layer, f: Layer) -> None:
        super().__init__(stem, condition, f)
        self.conditional = False  # to the outside
        if not f.conditional:
            raise ValueError(f"Conditioned: f must use the condition: {type(f).__name__} has no layer such as FiLM")

    @property
    def piecewise_linear(self) -> bool:
        return False

    def out_shape(self, shape: Shape) -> Shape:
        stem, condition, f = self.children
        return f.out_shape(WithCondition(stem.out_shape(shape), condition.out_shape(shape)))

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        stem, condition, f = self.children
        (H, s), (C, t) = apply(stem, p[0], X), apply(condition, p[1], X)
        (Y, _), u = apply(f, p[2], WithCondition(H, C))
        return Y, (s, t, u)

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        stem, condition, f = self.children
        HC: Flow = WithCondition(stem.jet(p[0], X, pairs), condition.jet(p[1], X, pairs))
        return f.jet(p[2], HC, pairs)

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Flow, Params | None]:
        stem, condition, f = self.children
        (GH, GC), g = vjp(f, p[2], saved[2], G, wrt_p=wrt_p)
        a, g_stem = vjp(stem, p[0], saved[0], GH, wrt_x=wrt_x, wrt_p=wrt_p)
        b, g_condition = vjp(condition, p[1], saved[1], GC, wrt_x=wrt_x, wrt_p=wrt_p)
        return kernels.combine(1, a, 1, b) if wrt_x else None, (g_stem, g_condition, g) if wrt_p else None
