"""The affine map."""

from __future__ import annotations

from tinygan import kernels
from tinygan.core.init import Init, lecun
from tinygan.core.layer import Bundle, Params, Saved, Shape, fold, unfold
from tinygan.layers.weight import WeightLayer


class Linear(WeightLayer):
    """y = W x + b,  ẏ = W ẋ;   x̄ = Wᵀȳ,  ẋ̄ = Wᵀẏ̄;   W̄ = Σ ȳxᵀ + Σ ẏ̄ẋᵀ,  b̄ = Σ ȳ.

    x (N, I), W (O, I), b (O,)  →  y (N, O).
    """

    out_axis = 0

    def __init__(self, n_in: int, n_out: int, *, bias: bool = True, init: Init = lecun) -> None:
        super().__init__((n_out, n_in), n_in, bias=bias, init=init)

    def out_shape(self, shape: Shape) -> Shape:
        O, I = self.shapes["w"]
        if shape != (I,):
            raise self.shape_error(f"expects {I} features", shape)
        return (O,)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return unfold(kernels.linear(fold(X), p[0], **self.bias(p, X)), X), X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.linear_dx(fold(G), p[0]), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        return self.with_bias(p, kernels.linear_dw(fold(X), fold(G)), G)
