"""What the layers with a weight have in common: their arrays, the initial draw and the bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core.init import Init
from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape, column


class WeightLayer(Layer):
    """An affine map of x by a weight w, and a bias b for each output: y = (w · x) + b,  ẏ = w · ẋ,  b̄ = Σ ȳ.

    ``out_axis`` is the axis of w that counts outputs. ``fan_in`` is the number of inputs of one output; the initial draw
    depends on it.
    """

    affine = True
    out_axis: int

    def __init__(self, w: Shape, fan_in: int, *, bias: bool, init: Init) -> None:
        super().__init__()
        self.shapes = {"w": w} | ({"b": (w[self.out_axis],)} if bias else {})
        self.fan_in, self.draw = fan_in, init

    def init(self, rng: np.random.Generator) -> Params:
        w, *b = self.shapes.values()
        return self.draw(rng, w, self.fan_in), *map(np.zeros, b)

    def bias(self, p: Params, X: Bundle) -> dict[str, Any]:
        """The bias, for a kernel on the folded X: it is added to the points only, for a constant has no tangent."""
        return {"bias": p[1], "points": X.shape[1]} if len(p) > 1 else {}

    def with_bias(self, p: Params, gw: Array, G: Bundle) -> Params:
        """(w̄, b̄), or (w̄,) without a bias."""
        return (gw, kernels.column_sum(G[0])) if len(p) > 1 else (gw,)

    def matrix(self, w: Array) -> Array:
        """w as a matrix W (C_out, rest): one row for each output."""
        return np.moveaxis(w, self.out_axis, 0).reshape(w.shape[self.out_axis], -1)

    def from_matrix(self, matrix: Array) -> Array:
        """The inverse of ``matrix``."""
        shape, axis = self.shapes["w"], self.out_axis
        return np.moveaxis(matrix.reshape(shape[axis], *shape[:axis], *shape[axis + 1 :]), 0, axis)

    @property
    def piecewise_linear(self) -> bool:
        return True

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Bundle, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        """w̄ = Σ g zᵀ, since Σ rₙ gₙ xₙᵀ + gₙ ẋₙᵀ = Σ gₙ (rₙ xₙ + ẋₙ)ᵀ;  b̄ = Σ rₙ gₙ."""
        Y, _ = self.forward(p[:1], Z)
        gw, *_ = self.gradient(p[:1], Z, recorded)
        if len(p) == 1:
            return Y, (gw,)
        if r is None:
            return Y, (gw, np.zeros_like(p[1]))
        Y += column(r, Y[0]) * p[1]
        return Y, (gw, kernels.column_sum(column(r, recorded[0]) * recorded[0]))


class Reparametrised(Layer):
    """y = f(x; W, b), where f is a weight layer and W a function of other parameters.

    x is an input of f only, so x̄ is f's own. A subclass defines ``forward``, whose ``saved`` begins with f's parameters and
    ends with what f saved, and ``through``.
    """

    affine = True

    def __init__(self, f: WeightLayer) -> None:
        super().__init__()
        self.f = f
        if not isinstance(f, WeightLayer):
            name = type(self).__name__
            raise ValueError(f"{name} needs a layer with a weight, such as Linear or Conv2d: got {type(f).__name__}")

    def out_shape(self, shape: Shape) -> Shape:
        return self.f.out_shape(shape)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        q, *_, inner = saved
        return self.f.backward(q, inner, G)

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Params:
        q, *_, inner = saved
        return self.through(saved, self.f.gradient(q, inner, G))

    @property
    def piecewise_linear(self) -> bool:
        return True

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Bundle, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        q, *_, inner = saved
        Y, g = self.f.penalty_gradient(q, inner, recorded, Z, r)
        return Y, self.through(saved, g)

    def through(self, saved: Saved, g: Params) -> Params:
        """The gradient in the parameters, from the gradient in f's parameters."""
        raise NotImplementedError
