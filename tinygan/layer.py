"""The algebra: layers on bundles, and the ways to put them together.

A layer is a map y = f(x; p). Its first-order behaviour is the pair map (x, ẋ) ↦ (y, ẏ), ẏ = J ẋ, whose adjoint is

    ẋ̄ = Jᵀ ẏ̄        x̄ = Jᵀ ȳ + Σₖ ∂⟨ẏ̄ₖ, J ẋₖ⟩/∂x        p̄ = ∂⟨ȳ, f⟩/∂p + Σₖ ∂⟨ẏ̄ₖ, J ẋₖ⟩/∂p

What flows through is a bundle X (1+K, N, ...): X[0] the point, X[1:] its K tangents. With K = 0 this is backpropagation;
with tangents it is the gradient of any loss on J ẋ. There is one code path for both.
"""

from __future__ import annotations

import copy
import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tinygan.errors import ShapeError

Array = NDArray[Any]
Bundle = Array  # (1+K, N, ...): row 0 the point, rows 1..K its tangents
Shape = tuple[int, ...]
Params = tuple[Any, ...]  # a leaf's arrays in the order of Layer.shapes; a composite's children's Params
Saved = Any


class Layer:
    """A map by hand: three formulas, ``forward``, ``backward`` and ``gradient``.

    ``shapes`` names the trained arrays p, ``running`` the running values (batch statistics, singular vectors), which
    are values beside p: ``start`` makes them, ``update`` returns their successors, ``at`` and ``eval`` return a layer
    that holds them. A layer never changes: each of these returns another.
    """

    shapes: dict[str, Shape]
    running: dict[str, Shape]
    affine: ClassVar[bool] = False  # in x: then a difference with step one is exact
    out_axis: ClassVar[int]  # of a weight layer: the axis of its first array that counts outputs

    def __init__(self) -> None:
        self.shapes, self.running = {}, {}

    def init(self, rng: np.random.Generator) -> Params:
        """Fresh trained arrays, float64."""
        return ()

    def out(self, shape: Shape) -> Shape:
        """The shape of one sample's y from that of its x; ShapeError where x does not fit."""
        return shape

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        """(x, ẋ) ↦ (y, ẏ), and what the adjoint needs."""
        raise NotImplementedError

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        """(ȳ, ẏ̄) ↦ (x̄, ẋ̄)."""
        raise NotImplementedError

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Params:
        """(ȳ, ẏ̄) ↦ p̄."""
        return ()

    def pull(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        """``backward`` and ``gradient`` as asked; a composite overrides it with one sweep for both."""
        return self.backward(p, saved, G) if wrt_x else None, self.gradient(p, saved, G) if wrt_p else None

    def start(self, p: Params, rng: np.random.Generator) -> Params:
        """The running values to begin with."""
        return ()

    def update(self, values: Params, p: Params, saved: Saved) -> Params:
        """The running values after a forward in training."""
        return values

    def at(self, values: Params, rng: np.random.Generator | None) -> Layer:
        """This layer as a pure function for one training step: running values held, noise drawn from ``rng``."""
        return self

    def eval(self, values: Params) -> Layer:
        """The layer for evaluation: same p, running values instead of batch statistics, no noise."""
        return self

    def tree(self, kind: str) -> dict[str, Any]:
        """Names and shapes of the trained ("shapes") or running ("running") arrays; a composite's is nested."""
        return dict(getattr(self, kind))

    def wrong(self, rule: str, x: Shape) -> ShapeError:
        """The error of an x (shape of one sample) that breaks ``rule``; it names the layer and both shapes."""
        own = "".join(f", {name} {shape}" for name, shape in self.shapes.items())
        return ShapeError(f"{type(self).__name__}: {rule}: x (N, {', '.join(map(str, x))}){own}")


def fold(X: Bundle) -> Array:
    """(T, N, ...) → (T·N, ...): to a linear map a tangent is one more sample."""
    return X.reshape(X.shape[0] * X.shape[1], *X.shape[2:])


def unfold(Y: Array, like: Bundle) -> Bundle:
    """(T·N, ...) → (T, N, ...)."""
    return Y.reshape(*like.shape[:2], *Y.shape[1:])


def push(f: Layer, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
    """f.forward with x checked; remembers the shape of Y for ``pull``."""
    f.out(X.shape[2:])
    Y, saved = f.forward(p, X)
    return Y, (Y.shape, saved)


def pull(f: Layer, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True) -> Any:
    """f.pull with the cotangent checked: broadcasting it silently would give a wrong gradient."""
    shape, saved = saved
    if G.shape != shape:
        raise ShapeError(f"{type(f).__name__}: a cotangent has the shape of its output: got {G.shape}, output {shape}")
    return f.pull(p, saved, G, wrt_x=wrt_x, wrt_p=wrt_p)


def unpack(tree: dict[str, Any], flat: Array) -> Params:
    """The nested tuple of views into ``flat``, in the order of ``tree``."""
    views, at = [], 0
    for branch in tree.values():
        n = size(branch)
        part = flat[at : at + n]
        views.append(unpack(branch, part) if isinstance(branch, dict) else part.reshape(branch))
        at += n
    return tuple(views)


def pack(p: Params) -> list[Array]:
    """The leaves of a nested tuple, each flat, in order."""
    return [leaf for a in p for leaf in (pack(a) if isinstance(a, tuple) else [np.reshape(a, -1)])]


def size(tree: Any) -> int:
    """How many numbers a tree of shapes holds."""
    return sum(map(size, tree.values())) if isinstance(tree, dict) else math.prod(tree)


class Composite(Layer):
    """Layers put together: everything but the flow of bundles is done child by child."""

    def __init__(self, *children: Layer) -> None:
        super().__init__()
        self.children = children

    def init(self, rng: np.random.Generator) -> Params:
        return tuple(f.init(rng) for f in self.children)

    def start(self, p: Params, rng: np.random.Generator) -> Params:
        return tuple(f.start(q, rng) for f, q in zip(self.children, p, strict=True))

    def update(self, values: Params, p: Params, saved: Saved) -> Params:
        return tuple(f.update(v, q, s[1]) for f, v, q, s in zip(self.children, values, p, saved, strict=True))

    def at(self, values: Params, rng: np.random.Generator | None) -> Layer:
        return self._with(tuple(f.at(v, rng) for f, v in zip(self.children, values, strict=True)))

    def eval(self, values: Params) -> Layer:
        return self._with(tuple(f.eval(v) for f, v in zip(self.children, values, strict=True)))

    def _with(self, children: tuple[Layer, ...]) -> Self:
        other = copy.copy(self)
        other.children = children
        return other

    def tree(self, kind: str) -> dict[str, Any]:
        return {f"{i}.{type(f).__name__.lower()}": f.tree(kind) for i, f in enumerate(self.children)}


class Sequential(Composite):
    """y = fₙ(… f₁(x))."""

    def out(self, shape: Shape) -> Shape:
        for f in self.children:
            shape = f.out(shape)
        return shape

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        saved = []
        for f, q in zip(self.children, p, strict=True):
            X, s = push(f, q, X)
            saved.append(s)
        return X, saved

    def pull(
        self, p: Params, saved: Saved, G: Any, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        grads: list[Any] = []
        for i in reversed(range(len(self.children))):
            G, g = pull(self.children[i], p[i], saved[i], G, wrt_x=wrt_x or i > 0, wrt_p=wrt_p)
            grads.append(g)
        return G if wrt_x else None, tuple(reversed(grads)) if wrt_p else None


class Residual(Composite):
    """y = f(x) + s(x), ẏ = Jf ẋ + Js ẋ;   x̄ = f's + s's.   ``Residual(f)`` has the identity for s."""

    def __init__(self, f: Layer, shortcut: Layer | None = None) -> None:
        super().__init__(f, shortcut or Sequential())

    def out(self, shape: Shape) -> Shape:
        a, b = (f.out(shape) for f in self.children)
        if a != b:
            raise ShapeError(f"Residual: the branch and the shortcut end in one shape: {a} and {b}")
        return a

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        (Y, s), (Z, t) = (push(f, q, X) for f, q in zip(self.children, p, strict=True))
        return Y + Z, (s, t)

    def pull(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        (a, g), (b, h) = (
            pull(f, q, s, G, wrt_x=wrt_x, wrt_p=wrt_p) for f, q, s in zip(self.children, p, saved, strict=True)
        )
        return a + b if wrt_x else None, (g, h) if wrt_p else None


class Concat(Composite):
    """y = [f₁(x), …, fₙ(x)] along the last axis;   x̄ = Σ f̄ᵢ of each one's slice of ȳ. ``Sequential()`` is the identity."""

    def out(self, shape: Shape) -> Shape:
        outs = [f.out(shape) for f in self.children]
        if len({out[:-1] for out in outs}) > 1:
            raise ShapeError(f"Concat: branches differ in the last axis only: {', '.join(map(str, outs))}")
        return *outs[0][:-1], sum(out[-1] for out in outs)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        branches = [push(f, q, X) for f, q in zip(self.children, p, strict=True)]
        return np.concatenate([Y for Y, _ in branches], axis=-1), [s for _, s in branches]

    def pull(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        ends = np.cumsum([shape[-1] for shape, _ in saved])[:-1]
        pulled = [
            pull(f, q, s, g, wrt_x=wrt_x, wrt_p=wrt_p)
            for f, q, s, g in zip(self.children, p, saved, np.split(G, ends, axis=-1), strict=True)
        ]
        GX = sum(gx for gx, _ in pulled) if wrt_x else None
        return GX, tuple(g for _, g in pulled) if wrt_p else None
