"""Layers put together: in a row, beside a shortcut, side by side."""

from __future__ import annotations

import copy
from itertools import accumulate
from typing import Any, Self

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array, Bundle, Layer, Pairs, Params, Saved, Shape, apply, vjp
from tinygan.errors import ShapeError


class Composite(Layer):
    """Layers put together: everything but the flow of bundles is done child by child."""

    def __init__(self, *children: Layer) -> None:
        super().__init__()
        self.children = children

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

    def tree(self, kind: str) -> dict[str, Any]:
        return {f"{i}.{type(f).__name__.lower()}": f.tree(kind) for i, f in enumerate(self.children)}


class Sequential(Composite):
    """y = fₙ(… f₁(x))."""

    def out_shape(self, shape: Shape) -> Shape:
        for f in self.children:
            shape = f.out_shape(shape)
        return shape

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        saved = []
        for f, q in zip(self.children, p, strict=True):
            X, s = apply(f, q, X)
            saved.append(s)
        return X, saved

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        for f, q in zip(self.children, p, strict=True):
            X = f.jet(q, X, pairs)
        return X

    def vjp(
        self, p: Params, saved: Saved, G: Any, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        grads: list[Any] = []
        for i in reversed(range(len(self.children))):
            G, g = vjp(self.children[i], p[i], saved[i], G, wrt_x=wrt_x or i > 0, wrt_p=wrt_p)
            grads.append(g)
        return G if wrt_x else None, tuple(reversed(grads)) if wrt_p else None

    def backward_recording(self, p: Params, saved: Saved, G: Bundle) -> tuple[Bundle, Any]:
        met: list[Any] = []
        for f, q, (_, s) in zip(reversed(self.children), reversed(p), reversed(saved), strict=True):
            G, t = f.backward_recording(q, s, G)
            met.append(t)
        return G, met[::-1]

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Any, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        grads = []
        for f, q, (_, s), t in zip(self.children, p, saved, recorded, strict=True):
            Z, g = f.penalty_gradient(q, s, t, Z, r)
            grads.append(g)
        return Z, tuple(grads)


class Residual(Composite):
    """y = f(x) + s(x), ẏ = Jf ẋ + Js ẋ;   x̄ = f's + s's.   ``Residual(f)`` has the identity for s."""

    def __init__(self, f: Layer, shortcut: Layer | None = None) -> None:
        super().__init__(f, shortcut or Sequential())

    def out_shape(self, shape: Shape) -> Shape:
        a, b = (f.out_shape(shape) for f in self.children)
        if a != b:
            raise ShapeError(f"Residual: the branch and the shortcut end in one shape: {a} and {b}")
        return a

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        (Y, s), (Z, t) = (apply(f, q, X) for f, q in zip(self.children, p, strict=True))
        return kernels.combine(1, Y, 1, Z), (s, t)

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        Y, Z = (f.jet(q, X, pairs) for f, q in zip(self.children, p, strict=True))
        return kernels.combine(1, Y, 1, Z)

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        (a, g), (b, h) = (
            vjp(f, q, s, G, wrt_x=wrt_x, wrt_p=wrt_p) for f, q, s in zip(self.children, p, saved, strict=True)
        )
        return kernels.combine(1, a, 1, b) if wrt_x else None, (g, h) if wrt_p else None

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
    """y = [f₁(x), …, fₙ(x)] along the last axis;   x̄ = Σ f̄ᵢ of each one's slice of ȳ. ``Sequential()`` is the identity."""

    def out_shape(self, shape: Shape) -> Shape:
        outs = [f.out_shape(shape) for f in self.children]
        if len({out[:-1] for out in outs}) > 1:
            raise ShapeError(f"Concat: branches differ in the last axis only: {', '.join(map(str, outs))}")
        return *outs[0][:-1], sum(out[-1] for out in outs)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        branches = [apply(f, q, X) for f, q in zip(self.children, p, strict=True)]
        return np.concatenate([Y for Y, _ in branches], axis=-1), [s for _, s in branches]

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        return np.concatenate([f.jet(q, X, pairs) for f, q in zip(self.children, p, strict=True)], axis=-1)

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        pulled = [
            vjp(f, q, s, g, wrt_x=wrt_x, wrt_p=wrt_p)
            for f, q, s, g in zip(self.children, p, saved, self._parts(saved, G), strict=True)
        ]
        GX = sum(gx for gx, _ in pulled) if wrt_x else None
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
        """G cut into each branch's channels."""
        return np.split(G, list(accumulate(shape[-1] for shape, _ in saved))[:-1], axis=-1)
