"""A 3x3 convolution and a change of size as one 4x4 convolution of stride 2: the same function with fewer operations.

Nearest upsampling copies a pixel to 2x2 pixels, and average pooling is its adjoint divided by 4. So both can be moved into the
weight: w₄[u, v] = Σ_{a,b ∈ {0,1}} w[u−a, v−b]. Each pixel then takes 4 taps instead of 9 (after upsampling), or 16 instead of
36 (before pooling).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core.init import Init, lecun
from tinygan.core.layer import Array, Bundle, Params, Saved, Shape, fold, unfold
from tinygan.layers.weight import WeightLayer

HALF: Any = {"stride": (2, 2), "pad": ((1, 1), (1, 1))}


class Fused(WeightLayer):
    """The base of the two layers below: w (3, 3, C, O), b (O,)."""

    out_axis = 3

    def __init__(self, c_in: int, c_out: int, *, bias: bool = True, init: Init = lecun) -> None:
        super().__init__((3, 3, c_in, c_out), 9 * c_in, bias=bias, init=init)


class UpConv2d(Fused):
    """y = w ⋆ up₂(x) + b (pad 1), the transposed convolution of x by flipped w₄;  ẏ likewise;  adjoints through w₄.

    x (N, H, W, C)  →  y (N, 2H, 2W, O).
    """

    def out_shape(self, shape: Shape) -> Shape:
        H, W, _ = self.images(shape, self.shapes["w"][2])
        return 2 * H, 2 * W, self.shapes["w"][3]

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        size = 2 * X.shape[2], 2 * X.shape[3]
        w4 = transpose(spread(p[0]))
        return unfold(kernels.conv2d_dx(fold(X), w4, size=size, **HALF, **self.bias(p, X)), X), X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.conv2d(fold(G), transpose(spread(p[0])), **HALF), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        g4 = kernels.conv2d_dw(fold(G), fold(X), kernel=(4, 4), **HALF)
        return self.with_bias(p, gather(transpose(g4)), G)


class ConvPool2d(Fused):
    """y = pool₂(w ⋆ x + b) (pad 1, mean of 2x2), the convolution of x by w₄/4 with stride 2;  ẏ likewise.

    x (N, H, W, C), H and W even  →  y (N, H/2, W/2, O).
    """

    def out_shape(self, shape: Shape) -> Shape:
        H, W, _ = self.images(shape, self.shapes["w"][2])
        if H % 2 or W % 2:
            raise self.shape_error("expects an even height and width", shape)
        return H // 2, W // 2, self.shapes["w"][3]

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return unfold(kernels.conv2d(fold(X), spread(p[0]) / 4, **HALF, **self.bias(p, X)), X), X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.conv2d_dx(fold(G), spread(p[0]) / 4, size=X.shape[2:4], **HALF), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        g4 = kernels.conv2d_dw(fold(X), fold(G), kernel=(4, 4), **HALF)
        return self.with_bias(p, gather(g4) / 4, G)


def spread(w: Array) -> Array:
    """w₄[u, v] = Σ_{a,b ∈ {0,1}} w[u−a, v−b].   (3, 3, C, O) → (4, 4, C, O)."""
    w4 = np.zeros((4, 4, *w.shape[2:]), w.dtype, like=w)
    for a in (0, 1):
        for b in (0, 1):
            w4[a : a + 3, b : b + 3] += w
    return w4


def gather(g: Array) -> Array:
    """The adjoint of ``spread``: w̄[u, v] = Σ_ab w̄₄[u+a, v+b]."""
    return g[:3, :3] + g[:3, 1:] + g[1:, :3] + g[1:, 1:]


def transpose(w: Array) -> Array:
    """The weight of the transposed convolution that equals a convolution by w: flipped, channels swapped. Its own inverse."""
    return w[::-1, ::-1].swapaxes(2, 3)
