"""Convolution and transposed convolution, by three kernels of one trilinear form, which is closed under differentiation."""

from __future__ import annotations

from typing import Any

from tinygan import kernels
from tinygan.core.init import Init, lecun
from tinygan.core.layer import Bundle, Params, Saved, Shape, fold, unfold
from tinygan.layers.weight import WeightLayer

Pair = int | tuple[int, int]
Pad = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


class Conv2d(WeightLayer):
    """y = w ⋆ x + b,  ẏ = w ⋆ ẋ;   x̄ = w ⋆ᵀ ȳ,  ẋ̄ = w ⋆ᵀ ẏ̄;   w̄ = Σ ȳ ⋆ x + Σ ẏ̄ ⋆ ẋ,  b̄ = Σ ȳ.

    y[i, j] = Σ_uv x[s·i+u−p, s·j+v−p] w[u, v] (cross-correlation, zeros outside x).
    x (N, H, W, C), w (kh, kw, C, O), b (O,)  →  y (N, P, Q, O),  P = (H + 2p − kh) // s + 1, Q likewise.
    ``stride`` s is a number or (rows, columns). ``pad`` p is so too, or ((top, bottom), (left, right)).
    """

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
        self.kernel = kh, kw = pair(kernel)
        self.geometry: Any = {"stride": pair(stride), "pad": pads(pad)}
        super().__init__((kh, kw, c_in, c_out), kh * kw * c_in, bias=bias, init=init)

    def out_shape(self, shape: Shape) -> Shape:
        C, O = self.shapes["w"][2:]
        H, W, _ = self.images(shape, C)
        (sh, sw), ((top, bottom), (left, right)) = self.geometry["stride"], self.geometry["pad"]
        P, Q = (H + top + bottom - self.kernel[0]) // sh + 1, (W + left + right - self.kernel[1]) // sw + 1
        if min(P, Q) < 1:
            raise self.shape_error("the kernel is larger than the padded image", shape)
        return P, Q, O

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return unfold(kernels.conv2d(fold(X), p[0], **self.geometry, **self.bias(p, X)), X), X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.conv2d_dx(fold(G), p[0], size=X.shape[2:4], **self.geometry), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        return self.with_bias(p, kernels.conv2d_dw(fold(X), fold(G), kernel=self.kernel, **self.geometry), G)


class ConvTranspose2d(WeightLayer):
    """y = w ⋆ᵀ x + b,  ẏ = w ⋆ᵀ ẋ;   x̄ = w ⋆ ȳ,  ẋ̄ = w ⋆ ẏ̄;   w̄ = Σ x ⋆ ȳ + Σ ẋ ⋆ ẏ̄,  b̄ = Σ ȳ.

    The adjoint of the convolution from y to x, whose weight it holds: w (kh, kw, C_out, C_in).
    x (N, P, Q, C_in)  →  y (N, H, W, C_out),  H = s (P − 1) − 2p + kh + ``output_padding`` (rows and columns at the end
    that the convolution would ignore; less than s).
    """

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
        self.kernel = kh, kw = pair(kernel)
        self.extra = pair(output_padding)
        self.geometry: Any = {"stride": pair(stride), "pad": pads(pad)}
        sh, sw = self.geometry["stride"]
        if not (0 <= self.extra[0] < sh and 0 <= self.extra[1] < sw):
            raise ValueError(f"ConvTranspose2d: output_padding is less than stride: {self.extra}, {(sh, sw)}")
        fan_in = max(1, kh * kw * c_in // (sh * sw))  # each output pixel has kh·kw/s² taps
        super().__init__((kh, kw, c_out, c_in), fan_in, bias=bias, init=init)

    def out_shape(self, shape: Shape) -> Shape:
        O, C = self.shapes["w"][2:]
        P, Q, _ = self.images(shape, C)
        (sh, sw), ((top, bottom), (left, right)) = self.geometry["stride"], self.geometry["pad"]
        H = sh * (P - 1) - top - bottom + self.kernel[0] + self.extra[0]
        W = sw * (Q - 1) - left - right + self.kernel[1] + self.extra[1]
        if min(H, W) < 1:
            raise self.shape_error("the padding leaves no pixel", shape)
        return H, W, O

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        size = self.out_shape(X.shape[2:])[:2]
        return unfold(kernels.conv2d_dx(fold(X), p[0], size=size, **self.geometry, **self.bias(p, X)), X), X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return unfold(kernels.conv2d(fold(G), p[0], **self.geometry), X)

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        return self.with_bias(p, kernels.conv2d_dw(fold(G), fold(X), kernel=self.kernel, **self.geometry), G)


def pair(k: Pair) -> tuple[int, int]:
    """One number for both directions, or (rows, columns)."""
    return (k, k) if isinstance(k, int) else k


def pads(p: Pad) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right)) of any form of padding; ValueError where one is negative."""
    rows, columns = (p, p) if isinstance(p, int) else p
    if min(*pair(rows), *pair(columns)) < 0:
        raise ValueError(f"pad is at least 0: got {p}")
    return pair(rows), pair(columns)
