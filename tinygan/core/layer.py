"""The algebra: layers on bundles.

A layer is a map y = f(x; p). Its first-order behaviour is the pair map (x, ẋ) ↦ (y, ẏ), ẏ = J ẋ, whose adjoint is

    ẋ̄ = Jᵀ ẏ̄        x̄ = Jᵀ ȳ + Σₖ ∂⟨ẏ̄ₖ, J ẋₖ⟩/∂x        p̄ = ∂⟨ȳ, f⟩/∂p + Σₖ ∂⟨ẏ̄ₖ, J ẋₖ⟩/∂p

What flows through is a bundle X (1+K, N, ...): X[0] the point, X[1:] its K tangents. With K = 0 this is backpropagation;
with tangents it is the gradient of any loss on J ẋ. There is one code path for both.

Second derivatives go forward over forward. Along x(s, t) with ∂ₛx = ẋᵢ, ∂ₜx = ẋⱼ, ∂ₛ∂ₜx = ẍ a layer's y has

    ÿ = J ẍ + H(ẋᵢ, ẋⱼ),        H(u, v) = ∂²f(x)[u, v]

of which J ẍ is one more tangent. ``Layer.second_derivative`` is H, the only formula to add, where f is curved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import ShapeError, UsageError

Bundle = Array  # (1+K, N, ...): row 0 the point, rows 1..K its tangents
Shape = tuple[int, ...]
Params = tuple[Any, ...]  # a leaf's arrays in the order of Layer.shapes; a composite's children's Params
Saved = Any
Pairs = tuple[Sequence[int], Sequence[int]]  # (i, j), each (P,): the p-th pair of tangents is ẋ of i[p] and ẋ of j[p]


class Layer:
    """A map by hand: three formulas, ``forward``, ``backward`` and ``gradient``.

    ``shapes`` names the trained arrays p, ``running`` the running values (batch statistics, singular vectors), which
    are values beside p: ``init_running`` makes them, ``update`` returns their successors, ``bind`` and ``eval`` return a layer
    that holds them. A layer never changes: each of these returns another.
    """

    shapes: dict[str, Shape]
    running: dict[str, Shape]
    affine: ClassVar[bool] = False  # in x: then a difference with step one is exact

    def __init__(self) -> None:
        self.shapes, self.running = {}, {}

    def init(self, rng: np.random.Generator) -> Params:
        """Fresh trained arrays, float64."""
        return ()

    def out_shape(self, shape: Shape) -> Shape:
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
        if self.shapes:
            raise NotImplementedError(f"{type(self).__name__} has parameters: write its gradient")
        return ()

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        """``backward`` and ``gradient`` as asked; a composite overrides it with one sweep for both."""
        return self.backward(p, saved, G) if wrt_x else None, self.gradient(p, saved, G) if wrt_p else None

    @property
    def piecewise_linear(self) -> bool:
        """Whether f is affine around almost every x. Its second derivative is then zero, and ``penalty_gradient`` is exact."""
        return self.affine and not self.shapes

    def backward_recording(self, p: Params, saved: Saved, G: Bundle) -> tuple[Bundle, Any]:
        """``backward``, and the cotangents that it met on the way; a leaf's is its own."""
        return self.backward(p, saved, G), G

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Any, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        """p̄ of Σₙ ⟨gₙ, rₙ f(xₙ) + J ẋₙ⟩ of a piecewise linear f, by one product instead of two.

        g is the cotangent that ``backward_recording`` returned for this layer. Z = r x + ẋ (1, N, ...) is the input and
        r y + J ẋ the output. r (N,) is a factor for each sample; None means zero.
        """
        Y, _ = self.forward(
            p, np.concatenate([np.zeros_like(Z), Z])
        )  # at x = 0: the constant, and the linear part of Z
        return (Y[1:] if r is None else Y[1:] + column(r, Y[0]) * Y[:1]), ()

    @property
    def curved(self) -> bool:
        """Whether f has second derivatives that are not zero around almost every x."""
        return not (self.affine or self.piecewise_linear)

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        """H(u, v) = ∂²f(x)[u, v] of each of P pairs; asked for where f is ``curved``.   x (N, ...), u, v (P, N, ...)."""
        raise UsageError(f"{type(self).__name__} has no second derivative: write its second_derivative(p, x, u, v)")

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        """(x, ẋ, ẍ) ↦ (y, J ẋ, J ẍ + H(ẋᵢ, ẋⱼ)).   X (1+T+P, N, ...): the point, T tangents, and ẍ for each of P ``pairs``."""
        Y, _ = apply(self, p, X)
        if self.curved:
            u, v = (X[1:][list(k)] for k in pairs)
            Y[len(Y) - len(u) :] += self.second_derivative(p, X[0], u, v)
        return Y

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        """The running values to begin with."""
        return ()

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        """The running values after a forward in training."""
        return running

    def bind(self, running: Params, rng: np.random.Generator | None) -> Layer:
        """This layer as a pure function for one training step: running values held, noise drawn from ``rng``."""
        return self

    def eval(self, running: Params) -> Layer:
        """The layer for evaluation: same p, running values instead of batch statistics, no noise."""
        return self

    def tree(self, kind: str) -> dict[str, Any]:
        """Names and shapes of the trained ("shapes") or running ("running") arrays; a composite's is nested."""
        return dict(getattr(self, kind))

    def images(self, shape: Shape, channels: int | None = None) -> Shape:
        """``shape``, if it is (H, W, C) with C = ``channels``; ShapeError otherwise."""
        if len(shape) != 3 or channels not in (None, shape[2]):
            raise self.shape_error(f"expects images{f' of {channels} channels' if channels else ''}", shape)
        return shape

    def shape_error(self, rule: str, x: Shape) -> ShapeError:
        """The error of an x (shape of one sample) that breaks ``rule``; it names the layer and both shapes."""
        own = "".join(f", {name} {shape}" for name, shape in self.shapes.items())
        return ShapeError(f"{type(self).__name__}: {rule}: x (N, {', '.join(map(str, x))}){own}")


def modules(f: Layer) -> Iterator[Layer]:
    """The layers of which f is put together."""
    for child in getattr(f, "children", ()):
        yield from modules(child)
    if not hasattr(f, "children"):
        yield f


def fold(X: Bundle) -> Array:
    """(T, N, ...) → (T·N, ...): to a linear map a tangent is one more sample."""
    return X.reshape(X.shape[0] * X.shape[1], *X.shape[2:])


def unfold(Y: Array, like: Bundle) -> Bundle:
    """(T·N, ...) → (T, N, ...)."""
    return Y.reshape(*like.shape[:2], *Y.shape[1:])


def column(a: Array, like: Array) -> Array:
    """A number for each sample, (N,), to be multiplied with samples (N, ...) of their dtype."""
    return a.astype(like.dtype, copy=False).reshape(-1, *[1] * (like.ndim - 1))


def onehot(label: Array, classes: int, dtype: Any = np.float32) -> Array:
    """(n, classes) of labels (n,) of whole numbers; of ``np.arange(n)`` the identity."""
    return (label[:, None] == np.arange(classes, like=label)).astype(dtype)


def apply(f: Layer, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
    """f.forward with x checked; remembers the shape of Y for ``vjp``."""
    if X.dtype.kind != "f":
        raise TypeError(f"{type(f).__name__}: x is an array of floats: got {X.dtype}; use x.astype(np.float32)")
    f.out_shape(X.shape[2:])
    Y, saved = f.forward(p, X)
    return Y, (Y.shape, saved)


def vjp(f: Layer, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True) -> Any:
    """f.vjp with the cotangent checked: broadcasting it silently would give a wrong gradient."""
    shape, saved = saved
    if G.shape != shape:
        raise ShapeError(f"{type(f).__name__}: a cotangent has the shape of its output: got {G.shape}, output {shape}")
    return f.vjp(p, saved, G, wrt_x=wrt_x, wrt_p=wrt_p)
