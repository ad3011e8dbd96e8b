"""Layers: maps with tangents and adjoints, written by hand.

The letters, here and in every file. x is an input, y = f(x; p) an output, p the parameters, J = ∂f/∂x.

    ẋ   a tangent of x: the derivative of x along some direction. A layer maps it to ẏ = J ẋ.
    ȳ   a cotangent of y: the derivative ∂L/∂y of a loss L, an array of the shape of y. A layer maps it to x̄ = ∂L/∂x.
    ẏ̄   a cotangent of ẏ: ∂L/∂ẏ, for a loss that depends on the tangent too. A layer maps it to ẋ̄ = ∂L/∂ẋ.

Why the adjoint has its form: let L depend on y and on K tangents ẏₖ = J ẋₖ. Its differential is

    dL = ⟨ȳ, df⟩ + Σₖ ⟨ẏ̄ₖ, d(J ẋₖ)⟩,    df = J dx + ∂f/∂p dp,    d(J ẋₖ) = J dẋₖ + ∂(J ẋₖ)/∂x dx + ∂(J ẋₖ)/∂p dp

and the factors of dẋₖ, dx and dp are

    ẋ̄ₖ = Jᵀ ẏ̄ₖ       x̄ = Jᵀ ȳ + Σₖ ∂⟨ẏ̄ₖ, J ẋₖ⟩/∂x       p̄ = ∂⟨ȳ, f⟩/∂p + Σₖ ∂⟨ẏ̄ₖ, J ẋₖ⟩/∂p

An upper-case letter is a bundle X (1+K, N, ...): X[0] is the point x and X[1:] are its K tangents. With K = 0 the adjoint is
backpropagation; with tangents it is the gradient of any loss on J ẋ. One code path serves both.

Second derivatives are computed forward over forward. Along x(s, t) with ∂ₛx = ẋᵢ, ∂ₜx = ẋⱼ, ∂ₛ∂ₜx = ẍ the chain rule gives

    ÿ = J ẍ + H(ẋᵢ, ẋⱼ),        H(u, v) = ∂²f(x)[u, v]

J ẍ is one more tangent. ``Layer.second_derivative`` is H; a layer that is not piecewise linear defines it.

A layer may have a second input, a condition: y = f(h, c). The input of a composition of such layers is a pair (h, c), a
``WithCondition``. Such a layer acts on it as (h, c) ↦ (f(h, c), c), any other one as (h, c) ↦ (f(h), c). The adjoints are
(ȳ, c̄) ↦ (h̄, c̄ + the c̄ of f) and (ȳ, c̄) ↦ (h̄, c̄). ``apply``, ``vjp``, ``jet`` and ``out_shape`` below do this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.core.constructor import Constructed
from tinygan.errors import ShapeError, UsageError

Bundle = Array  # (1+K, N, ...): row 0 the point, rows 1..K its tangents
Shape = tuple[int, ...]
Params = tuple[Any, ...]  # a leaf's arrays in the order of Layer.shapes; a composite's children's Params
Saved = Any
Flow = Any  # a Bundle, or a WithCondition of two
Pairs = tuple[Sequence[int], Sequence[int]]  # (i, j), each (P,): the p-th pair of tangents is ẋ of i[p] and ẋ of j[p]


class WithCondition(NamedTuple):
    """h (1+K, N, ...) and its condition c (1+K, N, d): bundles, their cotangents, or the shapes of one sample of each."""

    h: Any
    c: Any


class Layer(Constructed):
    """A map y = f(x; p), defined by three formulas: ``forward``, ``backward`` and ``gradient``.

    ``shapes`` has the names and shapes of the trained arrays p, ``running`` those of the running values (batch statistics,
    singular vectors). ``init_running`` returns the initial running values and ``update`` the next ones; ``bind`` and ``eval``
    return another layer, which uses them. A layer itself never changes.
    """

    shapes: dict[str, Shape]
    running: dict[str, Shape]
    affine: ClassVar[bool] = False  # affine in x, so that a difference with step 1 is exact
    conditional: bool = False  # whether it is f(h, c), and its X a WithCondition

    def __init__(self) -> None:
        self.shapes, self.running = {}, {}

    def init(self, rng: np.random.Generator) -> Params:
        """Initial trained arrays, float64."""
        return ()

    def out_shape(self, shape: Shape) -> Shape:
        """The shape of one sample's y from that of its x; ShapeError if x does not fit."""
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
    ) -> tuple[Any, Params | None]:
        """(x̄ and ẋ̄, p̄), None for one that is not wanted; a composite overrides it to compute both in one pass."""
        return self.backward(p, saved, G) if wrt_x else None, self.gradient(p, saved, G) if wrt_p else None

    @property
    def piecewise_linear(self) -> bool:
        """Whether f is affine around almost every x. Its second derivative is then zero, and ``penalty_gradient`` is exact."""
        return self.affine and not self.shapes

    def backward_recording(self, p: Params, saved: Saved, G: Bundle) -> tuple[Bundle, Any]:
        """``backward``, and the cotangents of the outputs of all layers inside; G for a layer without layers inside."""
        return self.backward(p, saved, G), G

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Any, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        """p̄ of Σₙ ⟨gₙ, rₙ f(xₙ) + J ẋₙ⟩ of a piecewise linear f, by one product instead of two.

        g is the cotangent that ``backward_recording`` returned for this layer. Z = r x + ẋ (1, N, ...) is the input and
        r y + J ẋ the output. r (N,) is a factor for each sample; None means zero.
        """
        Y, _ = self.forward(p, np.concatenate([np.zeros_like(Z), Z]))  # f(0), and the linear part of f at Z
        return (Y[1:] if r is None else Y[1:] + column(r, Y[0]) * Y[:1]), ()

    @property
    def curved(self) -> bool:
        """Whether f has second derivatives that are not zero around almost every x."""
        return not (self.affine or self.piecewise_linear)

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        """H(u, v) = ∂²f(x)[u, v] of each of P pairs; needed if f is ``curved``.   x (N, ...), u, v (P, N, ...)."""
        raise UsageError(f"{type(self).__name__} has no second derivative: write its second_derivative(p, x, u, v)")

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        """(x, ẋ, ẍ) ↦ (y, J ẋ, J ẍ + H(ẋᵢ, ẋⱼ)).   X (1+T+P, N, ...): the point, T tangents, and ẍ for each of P ``pairs``."""
        Y, _ = apply(self, p, X)
        if self.curved:
            u, v = (X[1:][list(k)] for k in pairs)
            Y[len(Y) - len(u) :] += self.second_derivative(p, X[0], u, v)
        return Y

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        """The initial running values."""
        return ()

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        """The running values after the forward in training that returned ``saved``."""
        return running

    def bind(self, running: Params, rng: np.random.Generator | None) -> Layer:
        """This layer as a pure function for one training step: with these running values, and noise from ``rng``."""
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
    """The layers without layers inside them, of which f is composed, in order."""
    for child in getattr(f, "children", ()):
        yield from modules(child)
    if not hasattr(f, "children"):
        yield f


def fold(X: Bundle) -> Array:
    """(T, N, ...) → (T·N, ...): a linear map treats a tangent as one more sample."""
    return X.reshape(X.shape[0] * X.shape[1], *X.shape[2:])


def unfold(Y: Array, like: Bundle) -> Bundle:
    """(T·N, ...) → (T, N, ...)."""
    return Y.reshape(*like.shape[:2], *Y.shape[1:])


def column(a: Array, like: Array) -> Array:
    """One number for each sample, (N,), as a factor of samples (N, ...), with their dtype."""
    return a.astype(like.dtype, copy=False).reshape(-1, *[1] * (like.ndim - 1))


def onehot(label: Array, classes: int, dtype: Any = np.float32) -> Array:
    """(n, classes) from integer labels (n,); the identity from ``np.arange(n)``."""
    return (label[:, None] == np.arange(classes, like=label)).astype(dtype)


def apply(f: Layer, p: Params, X: Flow) -> tuple[Flow, Saved]:
    """``f.forward`` with x checked. The shape of Y is saved for ``vjp``."""
    H = h_of(X)
    if H.dtype.kind != "f":
        raise TypeError(f"{type(f).__name__}: x is an array of floats: got {H.dtype}; use x.astype(np.float32)")
    out_shape(f, sample_shape(X))
    Y, saved = f.forward(p, own_input(f, X))
    return beside(Y, X), (Y.shape, saved)


def vjp(f: Layer, p: Params, saved: Saved, G: Flow, *, wrt_x: bool = True, wrt_p: bool = True) -> Any:
    """``f.vjp`` with the cotangent checked: silent broadcasting would give a wrong gradient."""
    shape, saved = saved
    GY = h_of(G)
    if GY.shape != shape:
        raise ShapeError(f"{type(f).__name__}: a cotangent has the shape of its output: got {GY.shape}, output {shape}")
    GX, g = f.vjp(p, saved, GY, wrt_x=wrt_x, wrt_p=wrt_p)
    if wrt_x and isinstance(G, WithCondition):
        GX = WithCondition(GX.h, G.c + GX.c) if f.conditional else WithCondition(GX, G.c)
    return GX, g


def jet(f: Layer, p: Params, X: Flow, pairs: Pairs) -> Flow:
    """``f.jet``, with or without a condition in X."""
    return beside(f.jet(p, own_input(f, X), pairs), X)


def out_shape(f: Layer, shape: Any) -> Any:
    """``f.out_shape``, with or without a condition in ``shape``."""
    return beside(f.out_shape(own_input(f, shape)), shape)


def h_of(X: Flow) -> Any:
    """X without its condition."""
    return X.h if isinstance(X, WithCondition) else X


def beside(Y: Any, X: Flow) -> Any:
    """Y beside the condition of X, if X has one."""
    return WithCondition(Y, X.c) if isinstance(X, WithCondition) else Y


def sample_shape(X: Flow) -> Any:
    """The shape of one sample of X, and of its condition."""
    return WithCondition(X.h.shape[2:], X.c.shape[2:]) if isinstance(X, WithCondition) else X.shape[2:]


def own_input(f: Layer, X: Flow) -> Any:
    """What the formulas of f take of X: (h, c) if f is conditional, else h."""
    if f.conditional and not isinstance(X, WithCondition):
        raise UsageError(f"{type(f).__name__} needs a condition: put it into Conditioned(stem, condition, f)")
    return X if f.conditional else h_of(X)
