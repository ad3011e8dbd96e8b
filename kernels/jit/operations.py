"""The CPU backend: the operations of ``reference`` as compiled loops on all cores.

Compiled loops support float32 and float64. Arrays of other dtypes are passed to ``reference``.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygan.kernels import precision_in_force, reference
from tinygan.kernels.jit import (
    conv_direct,
    conv_direct_dw,
    conv_narrow,
    cpu,
    norm,
    norm_rows,
    winograd,
    winograd_dw,
    winograd_forms,
)
from tinygan.kernels.jit import pointwise as flat
from tinygan.kernels.jit.vector import Vector
from tinygan.kernels.jit.winograd_forms import Form
from tinygan.kernels.shapes import Array, Cotangents, Pad, Pair, Saved, Sizes, fit, outputs

FLOATS = {np.dtype(name): name for name in ("float32", "float64")}
FEW = 16  # samples: below, a row for each would leave threads without work
ONE: dict[str, Any] = {"stride": (1, 1), "pad": ((0, 0), (0, 0))}
# Products up to here are BLAS's: its call costs a tenth of ours, and OpenBLAS wakes its threads for larger ones only, which
# would spin against the pool's. Of matrices, and where one of them is a vector.
SMALL, SMALL_VECTOR = 2**18, 9216


def prepare(*arrays: Array) -> Any:
    """The vector for the arrays' dtype, and the arrays made contiguous. For other dtypes: None, and the arrays unchanged."""
    dtype = np.result_type(*arrays)
    if dtype not in FLOATS:
        return None, *arrays
    return Vector(FLOATS[dtype], cpu.width()), *(np.ascontiguousarray(a, dtype) for a in arrays)


def images(a: Array) -> Array:
    """A matrix as images of one pixel: a linear map is a convolution of them."""
    return a.reshape(a.shape[0], 1, 1, a.shape[1])


def small(M: int, I: int, O: int) -> bool:
    return (SMALL if min(M, I, O) > 1 else SMALL_VECTOR) >= M * I * O


matmul, flatten = reference.matmul, reference.flatten


def linear(x: Array, w: Array, *, bias: Array | None = None, points: int | None = None) -> Array:
    if small(x.shape[0], x.shape[1], len(w)):
        return reference.linear(x, w, bias=bias, points=points)
    return conv2d_dx(images(x), w[None, None], size=(1, 1), **ONE, bias=bias, points=points)[:, 0, 0]


def linear_dx(gy: Array, w: Array) -> Array:
    if small(len(gy), w.shape[1], len(w)):
        return reference.linear_dx(gy, w)
    return conv2d(images(gy), w[None, None], **ONE)[:, 0, 0]


def linear_dw(x: Array, gy: Array) -> Array:
    if small(x.shape[0], x.shape[1], gy.shape[1]):
        return reference.linear_dw(x, gy)
    return conv2d_dw(images(gy), images(x), kernel=(1, 1), **ONE)[0, 0]


def conv2d(
    x: Array, w: Array, *, stride: Pair, pad: Pad, bias: Array | None = None, points: int | None = None
) -> Array:
    v, x, w = prepare(x, w)
    fit(x.shape[3] == w.shape[2], x.shape, w.shape)
    stride, pad = geometry(stride, pad)
    size = outputs(x.shape[1:3], w.shape[:2], stride, pad)
    if v is None or not (x.size and w.size and prod(size)):
        return reference.conv2d(x, w, stride=stride, pad=pad, bias=bias, points=points)
    points = len(range(len(x))[:points])
    if form := winograd_form(v, "y", *w.shape[2:], size, w.shape[:2], stride):
        return winograd.conv2d(v, form, x, w, size, stride, pad, bias, points)
    if stride == (1, 1) and few(v, w.shape[3], w.shape[2]):
        return conv_narrow.conv2d(v, x, w, size, pad, bias, points)
    return conv_direct.conv2d(v, x, w, size, stride, pad, bias, points)


def conv2d_dx(
    gy: Array, w: Array, *, size: Pair, stride: Pair, pad: Pad, bias: Array | None = None, points: int | None = None
) -> Array:
    v, gy, w = prepare(gy, w)
    if v is None or not (gy.size and w.size and prod(size)):
        return reference.conv2d_dx(gy, w, size=size, stride=stride, pad=pad, bias=bias, points=points)
    fit(gy.shape[3] == w.shape[3], gy.shape, w.shape)
    size, (stride, pad), points = tuple(size), geometry(stride, pad), len(range(len(gy))[:points])
    kh, kw, C, O = w.shape
    pixel = gy.shape[1:3] == (1, 1)
    if form := winograd_form(v, "dx", C, O, gy.shape[1:3], (kh, kw), stride):
        return winograd.conv2d_dx(v, form, gy, w, size, stride, pad, bias, points)
    if pixel and size == (kh, kw) != (1, 1) and pad == ONE["pad"]:  # to a whole image: a matrix
        whole = None if bias is None else np.tile(bias, kh * kw)
        return linear(gy[:, 0, 0], w.reshape(-1, O), bias=whole, points=points).reshape(len(gy), kh, kw, C)
    if few(v, C, O) and not pixel:
        return conv_narrow.conv2d_dx(v, gy, w, size, stride, pad, bias, points)
    return conv_direct.conv2d_dx(v, gy, w, size, stride, pad, bias, points)


def conv2d_dw(x: Array, gy: Array, *, kernel: Pair, stride: Pair, pad: Pad) -> Array:
    v, x, gy = prepare(x, gy)
    if v is None or not (x.size and gy.size):
        return reference.conv2d_dw(x, gy, kernel=kernel, stride=stride, pad=pad)
    kernel, (stride, pad) = tuple(kernel), geometry(stride, pad)
    fit(gy.shape[:3] == (len(x), *outputs(x.shape[1:3], kernel, stride, pad)), x.shape, gy.shape)
    if form := winograd_form(v, "dw", x.shape[3], gy.shape[3], gy.shape[1:3], kernel, stride):
        return winograd_dw.conv2d_dw(v, form, x, gy, stride, pad)
    if stride == (1, 1) and few(v, gy.shape[3], x.shape[3]):
        # The same sums with x and ȳ exchanged: the taps run backwards.
        swapped = tuple((k - 1 - first, k - 1 - last) for k, (first, last) in zip(kernel, pad, strict=True))
        gw = conv_direct_dw.conv2d_dw(v, gy, x, kernel, stride, swapped)
        return np.ascontiguousarray(gw[::-1, ::-1].swapaxes(2, 3))
    return conv_direct_dw.conv2d_dw(v, x, gy, kernel, stride, pad)


def geometry(stride: Pair, pad: Pad) -> tuple[Pair, Pad]:
    """Both as tuples, which are keys of cached tables."""
    return tuple(stride), tuple(map(tuple, pad))


def few(v: Vector, out: int, into: int) -> bool:
    """Whether ``out`` channels would leave half of a vector empty, and there are more channels that come in."""
    return 2 * out <= v.lanes and into > out


def winograd_form(v: Vector, *shape: Any) -> Form | None:
    """The form of Winograd's algorithm for this shape; None for the direct form, also at the precision "direct"."""
    return None if precision_in_force() == "direct" else winograd_forms.form(v, *shape)


def pointwise(X: Array, f: str, a: float) -> tuple[Array, Array]:
    v, X = prepare(X)
    return reference.pointwise(X, f, a) if v is None or not X.size else flat.pointwise(v, X, f, a)


def pointwise_dx(S: Array, G: Array, f: str, a: float) -> Array:
    v, S, G = prepare(S, G)
    fit(S.shape == G.shape, S.shape, G.shape)
    return reference.pointwise_dx(S, G, f, a) if v is None or not G.size else flat.pointwise_dx(v, S, G, f, a)


def normalise(
    X: Array, gamma: Array | None, beta: Array | None, sizes: Sizes, eps: float, *, centre: bool
) -> tuple[Array, Saved]:
    v, X = prepare(X)
    if v is None or not X.size:
        return reference.normalise(X, gamma, beta, sizes, eps, centre=centre)
    fit(X[0].size == prod(sizes), X.shape, sizes)
    S, R, G, D = sizes
    gamma, beta = vectors(X.dtype, sizes, gamma, beta)
    if R > 1 and (G > 1 or S < FEW):
        return norm.normalise(v, X, gamma, beta, sizes, eps, centre)
    return norm_rows.normalise(v, X, np.tile(gamma, (1, R)), np.tile(beta, (1, R)), (S, 1, G, R * D), eps, centre)


def normalise_vjp(
    saved: Saved, gamma: Array | None, G: Array, sizes: Sizes, *, centre: bool, wrt_x: bool = True, wrt_p: bool = True
) -> Cotangents:
    v, X, G = prepare(saved[0], G)
    if v is None or not X.size:
        return reference.normalise_vjp(saved, gamma, G, sizes, centre=centre, wrt_x=wrt_x, wrt_p=wrt_p)
    fit(X.size == G.size == len(G) * prod(sizes), X.shape, G.shape, sizes)
    module = norm if sizes[1] > 1 else norm_rows
    gamma, _ = vectors(X.dtype, sizes, gamma, None)
    return module.normalise_vjp(v, (X, saved[1]), gamma, G, sizes, centre, wrt_x, wrt_p)


def vectors(dtype: Any, sizes: Sizes, gamma: Array | None, beta: Array | None) -> tuple[Array, Array]:
    """γ and β as (G, D); ones and zeros where they are None."""
    shape = sizes[2:]
    gamma = np.ones(shape, dtype) if gamma is None else np.ascontiguousarray(gamma, dtype).reshape(shape)
    return gamma, np.zeros(shape, dtype) if beta is None else np.ascontiguousarray(beta, dtype).reshape(shape)


def scale_shift(X: Array, scale: Array, shift: Array) -> Array:
    v, X, scale, shift = prepare(X, scale, shift)
    ready = v is not None and X.size
    return norm.scale_shift(v, X, scale, shift) if ready else reference.scale_shift(X, scale, shift)


def column_sum(A: Array) -> Array:
    v, A = prepare(A)
    return reference.column_sum(A) if v is None or not A.size else norm.column_sum(v, A)


def adam(
    theta: Array, g: Array, m: Array, v: Array, *, lr: float, b1: float, b2: float, eps: float, t: int
) -> tuple[Array, Array, Array]:
    vector, theta, g, m, v = prepare(theta, g, m, v)
    fit(theta.shape == g.shape == m.shape == v.shape, theta.shape, g.shape, m.shape, v.shape)
    if vector is None:
        return reference.adam(theta, g, m, v, lr=lr, b1=b1, b2=b2, eps=eps, t=t)
    return flat.adam(vector, theta, g, m, v, lr, b1, b2, eps, t)


def combine(a: float, x: Array, b: float, y: Array) -> Array:
    v, x, y = prepare(x, y)
    fit(x.shape == y.shape, x.shape, y.shape)
    return reference.combine(a, x, b, y) if v is None or not x.size else flat.combine(v, a, x, b, y)


def dot(x: Array, y: Array) -> float:
    v, x, y = prepare(x, y)
    fit(x.size == y.size, x.shape, y.shape)
    return reference.dot(x, y) if v is None or not x.size else flat.dot(v, x, y)
