"""Convolution and its adjoint: one trilinear form, three kernels, closed under differentiation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.init import Init, lecun
from tinygan.layer import Bundle, Layer, Params, Saved, Shape, fold, unfold

Pair = int | tuple[int, int]
Pad = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


class Conv2d(Layer):
    """y = w ⋆ x + b,  ẏ = w ⋆ ẋ;   x̄ = w ⋆ᵀ ȳ,  ẋ̄ = w ⋆ᵀ ẏ̄;   w̄ = Σ ȳ ⋆ x + Σ ẏ̄ ⋆ ẋ,  b̄ = Σ ȳ.

    y[i, j] = Σ_uv x[s·i+u−p, s·j+v−p] w[u, v] (cross-correlation, zeros outside x).
    x (N, H, W, C), w (kh, kw, C, O), b (O,)  →  y (N, h, v, O),  h = (H + 2p − kh) // s + 1.
    ``stride`` s is a number or (rows, columns); ``pad`` p one too, or ((top, bottom), (left, right)).
    """

    affine = True
    out_axis = 3

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: Pair,
        *,
        stride: Pair = 1,
        pad: Pad = 0,
        bias: bool = True,
        init: Init = lecun,
    ) -> None:
        super().__init__()
        self.kernel = pair(kernel)
        self.how: Any = {"stride": pair(stride), "pad": pads(pad)}
        self.shapes = {"w": (*self.kernel, c_in, c_out)} | ({"b": (c_out,)} if bias else {})
        self.draw = init

    def init(self, rng: np.random.Generator) -> Params:
        (kh, kw, C, O), *rest = self.shapes.values()
        return self.draw(rng, (kh, kw, C, O), kh * kw * C, kh * kw * O), *map(np.zeros, rest)

    def out(self, shape: Shape) -> Shape:
        C, O = self.shapes["w"][2:]
        if len(shape) != 3 or shape[2] != C:
            raise self.wrong(f"expects images of {C} channels", shape)
        size = conv_size(shape[:2], self.kernel, **self.how)
        if min(size) < 1:
            raise self.wrong("the kernel is larger than the padded image", shape)
        return *size, O

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        w, *b = p
        Y = unfold(kernels.conv2d(fold(X), w, **self.how), X)
        if b:
            Y[0] += b[0]
        return Y, X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.conv2d_dx(fold(G), p[0], size=X.shape[2:4], **self.how), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        gw = kernels.conv2d_dw(fold(X), fold(G), kernel=self.kernel, **self.how)
        return (gw, G[0].sum(axis=(0, 1, 2)))[: len(p)]


class ConvTranspose2d(Layer):
    """y = w ⋆ᵀ x + b,  ẏ = w ⋆ᵀ ẋ;   x̄ = w ⋆ ȳ,  ẋ̄ = w ⋆ ẏ̄;   w̄ = Σ x ⋆ ȳ + Σ ẋ ⋆ ẏ̄,  b̄ = Σ ȳ.

    The adjoint of the convolution from y to x, whose weight it holds: w (kh, kw, C_out, C_in).
    x (N, h, v, C_in)  →  y (N, H, W, C_out),  H = s (h − 1) − 2p + kh + ``output_padding`` (rows and columns at the end
    that the convolution would ignore; less than s).
    """

    affine = True
    out_axis = 2

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: Pair,
        *,
        stride: Pair = 1,
        pad: Pad = 0,
        output_padding: Pair = 0,
        bias: bool = True,
        init: Init = lecun,
    ) -> None:
        super().__init__()
        self.kernel = pair(kernel)
        self.how: Any = {"stride": pair(stride), "pad": pads(pad)}
        self.extra = pair(output_padding)
        self.shapes = {"w": (*self.kernel, c_out, c_in)} | ({"b": (c_out,)} if bias else {})
        self.draw = init
        if any(e < 0 or e >= s for e, s in zip(self.extra, self.how["stride"], strict=True)):
            raise ValueError(f"ConvTranspose2d: output_padding is less than stride: {self.extra}, {self.how['stride']}")

    def init(self, rng: np.random.Generator) -> Params:
        (kh, kw, O, C), *rest = self.shapes.values()
        taps = kh * kw / (self.how["stride"][0] * self.how["stride"][1])  # that meet in one output pixel
        return self.draw(rng, (kh, kw, O, C), max(1, round(taps * C)), kh * kw * O), *map(np.zeros, rest)

    def out(self, shape: Shape) -> Shape:
        O, C = self.shapes["w"][2:]
        if len(shape) != 3 or shape[2] != C:
            raise self.wrong(f"expects images of {C} channels", shape)
        size = tuple(
            s * (n - 1) - a - b + k + e
            for n, k, s, (a, b), e in zip(
                shape[:2], self.kernel, self.how["stride"], self.how["pad"], self.extra, strict=True
            )
        )
        if min(size) < 1:
            raise self.wrong("the padding leaves no pixel", shape)
        return *size, O

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        w, *b = p
        size = self.out(X.shape[2:])[:2]
        Y = unfold(kernels.conv2d_dx(fold(X), w, size=size, **self.how), X)
        if b:
            Y[0] += b[0]
        return Y, X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.conv2d(fold(G), p[0], **self.how), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        gw = kernels.conv2d_dw(fold(G), fold(X), kernel=self.kernel, **self.how)
        return (gw, G[0].sum(axis=(0, 1, 2)))[: len(p)]


def pair(k: Pair) -> tuple[int, int]:
    return (k, k) if isinstance(k, int) else k


def pads(p: Pad) -> tuple[tuple[int, int], tuple[int, int]]:
    rows, columns = (p, p) if isinstance(p, int) else p
    return pair(rows), pair(columns)


def conv_size(size: Shape, kernel: Shape, stride: Shape, pad: tuple[tuple[int, int], tuple[int, int]]) -> Shape:
    """(H, W) → (h, v) = (H + top + bottom − kh) // s + 1."""
    return tuple((n + a + b - k) // s + 1 for n, k, s, (a, b) in zip(size, kernel, stride, pad, strict=True))
