"""The affine map."""

from __future__ import annotations

import numpy as np

from tinygan import kernels
from tinygan.init import Init, lecun
from tinygan.layer import Bundle, Layer, Params, Saved, Shape, fold, unfold


class Linear(Layer):
    """y = W x + b,  ẏ = W ẋ;   x̄ = Wᵀȳ,  ẋ̄ = Wᵀẏ̄;   W̄ = Σ ȳxᵀ + Σ ẏ̄ẋᵀ,  b̄ = Σ ȳ.

    x (N, I), W (O, I), b (O,)  →  y (N, O).
    """

    affine = True
    out_axis = 0

    def __init__(self, n_in: int, n_out: int, *, bias: bool = True, init: Init = lecun) -> None:
        super().__init__()
        self.shapes = {"w": (n_out, n_in)} | ({"b": (n_out,)} if bias else {})
        self.draw = init

    def init(self, rng: np.random.Generator) -> Params:
        (O, I), *rest = self.shapes.values()
        return self.draw(rng, (O, I), I, O), *map(np.zeros, rest)

    def out(self, shape: Shape) -> Shape:
        O, I = self.shapes["w"]
        if shape != (I,):
            raise self.wrong(f"expects {I} features", shape)
        return (O,)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        w, *b = p
        Y = unfold(kernels.linear(fold(X), w), X)
        if b:
            Y[0] += b[0]  # a constant has no tangent
        return Y, X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.linear_dx(fold(G), p[0]), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        gw = kernels.linear_dw(fold(X), fold(G))
        return (gw, G[0].sum(axis=0))[: len(p)]
