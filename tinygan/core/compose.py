"""Compositions of layers: one after another, beside a shortcut, side by side.

Each of the three has a condition if one of its layers has (``WithCondition``): y = f(h, c) then.
"""

from __future__ import annotations

import copy
from itertools import accumulate
from typing import Any, ClassVar, Self

import numpy as np

from tinygan import kernels
from tinygan.core.layer import (
    Array,
    Bundle,
    Flow,
    Layer,
    Pairs,
    Params,
    Saved,
    Shape,
    WithCondition,
    apply,
    h_of,
    jet,
    out_shape,
    vjp,
)
from tinygan.errors import ShapeError


class Composite(Layer):
    """The base of compositions: everything except the flow of bundles is done child by child."""

    serves_conditions: ClassVar[bool] = False  # whether it passes a condition to its children

    def __init__(self, *children: Layer) -> None:
        super().__init__()
        self.children = children
        needs = [type(f).__name__ for f in children if f.conditional]
        if needs and not self.serves_conditions:
            raise ValueError(
                f"{type(self).__name__} passes no condition on: put {needs[0]} into Conditioned(stem, condition, f)"
            )
        self.conditional = bool(needs)

    def init(self, rng: np.random.Generator) -> Params:
        return tuple(f.init(rng) for f in self.children)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Any:
        return self.vjp(p, saved, G, wrt_p=False)[0]

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Any:
        return self.vjp(p, saved, G, wrt_x=False)[1]

    @property
    def piecewise_linear(self) -> bool:
        return all(f.piecewise_linear for f in self.children)

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        return tuple(f.init_running(q, rng) for f, q in zip(self.children, p, strict=True))

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        return tuple(f.update(r, q, s[1]) for f, r, q, s in zip(self.children, running, p, saved, strict=True))

    def bind(self, running: Params, rng: np.random.Generator | None) -> Layer:
        return self._with(tuple(f.bind(r, rng) for f, r in zip(self.children, running, strict=True)))

    def eval(self, running: Params) -> Layer:
        return self._with(tuple(f.eval(r) for f, r in zip(self.children, running, strict=True)))

    def _with(self, children: tuple[Layer, ...]) -> Self:
        other = copy.copy(self)
        other.children = children
        return other

    def cotangent(self, G: Bundle) -> Flow:
        """ȳ as a cotangent of (y, c), which is (ȳ, 0), if there is a condition."""
        return WithCondition(G, 0) if self.conditional else G

    def tree(self, kind: str) -> dict[str, Any]:
        return {f"{i}.{type(f).__name__.lower()}": f.tree(kind) for i, f in enumerate(self.children)}


class Sequential(Composite):
    """y = fₙ(… f₁(x)); with a condition y = fₙ(… f₁(h, c) …, c) and c̄ = Σ c̄ᵢ."""

    serves_conditions = True

    def out_shape(self, shape: Any) -> Shape:
        for f in self.children:
            shape = out_shape(f, shape)
        own: Shape = h_of(shape)
        return own

    def forward(self, p: Params, X: Flow) -> tuple[Bundle, Saved]:
        saved = []
        for f, q in zip(self.children, p, strict=True):
            X, s = apply(f, q, X)
            saved.append(s)
        return h_of(X), saved

    def jet(self, p: Params, X: Flow, pairs: Pairs) -> Bundle:
        for f, q in zip(self.children, p, strict=True):
            X = jet(f, q, X, pairs)
        Y: Bundle = h_of(X)
        return Y

    def vjp(
        self, p: Params, saved: Saved, G: Any, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Flow, Params | None]:
        grads: list[Any] = []
        G = self.cotangent(G)
        for i in reversed(range(len(self.children))):
            G, g = vjp(self.children[i], p[i], saved[i], G, wrt_x=wrt_x or i > 0, wrt_p=wrt_p)
            grads.append(g)
        return G if wrt_x else None, tuple(reversed(grads)) if wrt_p else None

    def backward_recording(self, p: Params, saved: Saved, G: Bundle) -> tuple[Bundle, Any]:
        recorded: list[Any] = []
        for f, q, (_, s) in zip(reversed(self.children), reversed(p), reversed(saved), strict=True):
            G, t = f.backward_recording(q, s, G)
            recorded.append(t)
        return G, recorded[::-1]

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Any, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        grads = []
        for f, q, (_, s), t in zip(self.children, p, saved, recorded, strict=True):
            Z, g = f.penalty_gradient(q, s, t, Z, r)
            grads.append(g)
        return Z, tuple(grads)


class Residual(Composite):
    """y = f(x) + s(x), ẏ = J_f ẋ + J_s ẋ;   x̄ = f's x̄ + s's x̄, and c̄ likewise.   ``Residual(f)`` has the identity for s."""

    serves_conditions = True

    def __init__(self, f: Layer, shortcut: Layer | None = None) -> None:
        super().__init__(f, shortcut or Sequential())

    def out_shape(self, shape: Any) -> Shape:
        a, b = (h_of(out_shape(f, shape)) for f in self.children)
        if a != b:
            raise ShapeError(f"Residual: the branch and the shortcut must have outputs of one shape: got {a} and {b}")
        own: Shape = a
        return own

    def forward(self, p: Params, X: Flow) -> tuple[Bundle, Saved]:
        (Y, s), (Z, t) = (apply(f, q, X) for f, q in zip(self.children, p, strict=True))
        return kernels.combine(1, h_of(Y), 1, h_of(Z)), (s, t)

    def jet(self, p: Params, X: Flow, pairs: Pairs) -> Bundle:
        Y, Z = (h_of(jet(f, q, X, pairs)) for f, q in zip(self.children, p, strict=True))
        return kernels.combine(1, Y, 1, Z)

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Flow, Params | None]:
        flow = self.cotangent(G)
        (a, g), (b, h) = (
            vjp(f, q, s, flow, wrt_x=wrt_x, wrt_p=wrt_p) for f, q, s in zip(self.children, p, saved, strict=True)
        )
        GX: Flow = kernels.combine(1, h_of(a), 1, h_of(b)) if wrt_x else None
        if wrt_x and self.conditional:
            GX = WithCondition(GX, a.c + b.c)
        return GX, (g, h) if wrt_p else None

    def backward_recording(self, p: Params, saved: Saved, G: Bundle) -> tuple[Bundle, Any]:
        (a, s), (b, t) = (f.backward_recording(q, s, G) for f, q, (_, s) in zip(self.children, p, saved, strict=True))
        return a + b, (s, t)

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Any, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        (a, g), (b, h) = (
            f.penalty_gradient(q, s, t, Z, r) for f, q, (_, s), t in zip(self.children, p, saved, recorded, strict=True)
        )
        return a + b, (g, h)


class Concat(Composite):
    """y = [f₁(x), …, fₙ(x)] along the last axis;   x̄ = Σ x̄ᵢ, each from fᵢ's slice of ȳ. ``Sequential()`` is the identity."""

    serves_conditions = True

    def out_shape(self, shape: Any) -> Shape:
        outs = [h_of(out_shape(f, shape)) for f in self.children]
        if len({out[:-1] for out in outs}) > 1:
            raise ShapeError(f"Concat: branches differ in the last axis only: {', '.join(map(str, outs))}")
        return *outs[0][:-1], sum(out[-1] for out in outs)

    def forward(self, p: Params, X: Flow) -> tuple[Bundle, Saved]:
        branches = [apply(f, q, X) for f, q in zip(self.children, p, strict=True)]
        return np.concatenate([h_of(Y) for Y, _ in branches], axis=-1), [s for _, s in branches]

    def jet(self, p: Params, X: Flow, pairs: Pairs) -> Bundle:
        return np.concatenate([h_of(jet(f, q, X, pairs)) for f, q in zip(self.children, p, strict=True)], axis=-1)

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Flow, Params | None]:
        pulled = [
            vjp(f, q, s, self.cotangent(g), wrt_x=wrt_x, wrt_p=wrt_p)
            for f, q, s, g in zip(self.children, p, saved, self._parts(saved, G), strict=True)
        ]
        GX: Flow = sum(h_of(gx) for gx, _ in pulled) if wrt_x else None
        if wrt_x and self.conditional:
            GX = WithCondition(GX, sum(gx.c for gx, _ in pulled))
        return GX, tuple(g for _, g in pulled) if wrt_p else None

    def backward_recording(self, p: Params, saved: Saved, G: Bundle) -> tuple[Bundle, Any]:
        parts = self._parts(saved, G)
        pulled = [f.backward_recording(q, s, g) for f, q, (_, s), g in zip(self.children, p, saved, parts, strict=True)]
        gx: Any = sum(gx for gx, _ in pulled)
        return gx, [t for _, t in pulled]

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Any, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        pairs = [
            f.penalty_gradient(q, s, t, Z, r) for f, q, (_, s), t in zip(self.children, p, saved, recorded, strict=True)
        ]
        return np.concatenate([Y for Y, _ in pairs], axis=-1), tuple(g for _, g in pairs)

    def _parts(self, saved: Saved, G: Bundle) -> list[Bundle]:
        """The channels of G that belong to each branch."""
        return np.split(G, list(accumulate(shape[-1] for shape, _ in saved))[:-1], axis=-1)
