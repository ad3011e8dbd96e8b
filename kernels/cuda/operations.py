"""The GPU backend: the operations of ``reference`` on CuPy arrays of float32, by the kernels of the .cu files in this folder.

Convolutions, and linear maps as convolutions of one pixel, run on tensor cores with the accuracy of FP32 at the precision
"fast", in FP32 arithmetic at "direct", and with factors rounded to TF32 at "tf32". Nothing here waits for the device: ``dot``
returns an array without axes, and ``adam`` accepts the number of the step as such an array.
"""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from tinygan.kernels import precision_in_force
from tinygan.kernels.cuda import plan_conv, plan_flat, plan_matmul, plan_norm
from tinygan.kernels.cuda.launch import WORD, DeviceArray, aligned, apply, floats, ready
from tinygan.kernels.reference import OF_X
from tinygan.kernels.shapes import Pad, Pair, Shape, Sizes, fit

ARITHMETIC = {"fast": "tf32x3", "direct": "fp32", "tf32": "tf32"}
ONE: dict[str, Any] = {"stride": (1, 1), "pad": ((0, 0), (0, 0))}


# ---------------------------------------------------------------- products


def product(
    operation: str, a: DeviceArray, b: DeviceArray, *, bias: DeviceArray | None = None, **how: Any
) -> DeviceArray:
    a, b = aligned(a), aligned(b)
    planned = getattr(plan_conv, operation)(a.shape, b.shape, arithmetic=ARITHMETIC[precision_in_force()], **how)
    return apply("conv.cu", planned, a=a, b=b, bias=ready(bias))["out"]


def conv2d(
    x: DeviceArray,
    w: DeviceArray,
    *,
    stride: Pair,
    pad: Pad,
    bias: DeviceArray | None = None,
    points: int | None = None,
) -> DeviceArray:
    return product("conv2d", x, w, stride=stride, pad=pad, bias=bias, points=points)


def conv2d_dx(
    gy: DeviceArray,
    w: DeviceArray,
    *,
    size: Pair,
    stride: Pair,
    pad: Pad,
    bias: DeviceArray | None = None,
    points: int | None = None,
) -> DeviceArray:
    return product("conv2d_dx", gy, w, size=size, stride=stride, pad=pad, bias=bias, points=points)


def conv2d_dw(x: DeviceArray, gy: DeviceArray, *, kernel: Pair, stride: Pair, pad: Pad) -> DeviceArray:
    return product("conv2d_dw", x, gy, kernel=kernel, stride=stride, pad=pad)


def pixels(a: DeviceArray) -> DeviceArray:
    """A matrix as images of one pixel."""
    return a[:, None, None]


def linear(
    x: DeviceArray, w: DeviceArray, *, bias: DeviceArray | None = None, points: int | None = None
) -> DeviceArray:
    """w (O, I) as the weights (1, 1, O, I) of a convolution from O channels to I: x Wᵀ is its adjoint."""
    return conv2d_dx(pixels(x), w[None, None], size=(1, 1), **ONE, bias=bias, points=points)[:, 0, 0]


def linear_dx(gy: DeviceArray, w: DeviceArray) -> DeviceArray:
    return conv2d(pixels(gy), w[None, None], **ONE)[:, 0, 0]


def linear_dw(x: DeviceArray, gy: DeviceArray) -> DeviceArray:
    return conv2d_dw(pixels(gy), pixels(x), kernel=(1, 1), **ONE)[0, 0]


def matmul(a: DeviceArray, b: DeviceArray) -> DeviceArray:
    """Always with the accuracy of FP32. CuPy's own product calls cuBLAS, which a graph cannot record."""
    fit(min(a.ndim, b.ndim) >= 2 and a.shape[-1] == b.shape[-2], a.shape, b.shape)
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = *lead, a.shape[-2], b.shape[-1]
    a, b = batches(a, lead), batches(b, lead)
    a = a if matrices(a).in_lines else cupy.ascontiguousarray(a)
    b = b if matrices(b).in_lines or matrices(b).turned.in_lines else cupy.ascontiguousarray(b)
    arithmetic = "fp32" if precision_in_force() == "direct" else "tf32x3"
    in_words = not (a.data.ptr % WORD or b.data.ptr % WORD)
    operation = plan_matmul.matmul(matrices(a), matrices(b), arithmetic=arithmetic, in_words=in_words)
    return apply("matmul.cu", operation, a=a, b=b)["out"].reshape(out)


def batches(a: DeviceArray, lead: Shape) -> DeviceArray:
    """Matrices as (outer, inner, rows, columns), broadcast along the axes ``lead``, without a copy where two are enough."""
    a = np.broadcast_to(floats(a), (*lead, *a.shape[-2:]))
    if len(lead) > 2:
        return cupy.ascontiguousarray(a).reshape(1, -1, *a.shape[-2:])
    return a[(None,) * (2 - len(lead))]


def matrices(a: DeviceArray) -> plan_matmul.Matrices:
    return plan_matmul.Matrices.of(a.shape, a.strides)


# ---------------------------------------------------------------- pointwise, sums


def pointwise(X: DeviceArray, f: str, a: float) -> tuple[DeviceArray, DeviceArray]:
    X = ready(X)
    Y = apply("pointwise.cu", plan_flat.pointwise(X.shape, f, a), s=X)["out"]
    return Y, X if f in OF_X else Y


def pointwise_dx(S: DeviceArray, G: DeviceArray, f: str, a: float) -> DeviceArray:
    fit(S.shape == G.shape, S.shape, G.shape)
    return apply("pointwise.cu", plan_flat.pointwise_dx(S.shape, f, a), s=ready(S), g=ready(G))["out"]


def scale_shift(X: DeviceArray, scale: DeviceArray, shift: DeviceArray) -> DeviceArray:
    operation = plan_flat.scale_shift(X.shape)
    return apply("pointwise.cu", operation, x=ready(X), scale=ready(scale), shift=ready(shift))["out"]


def column_sum(A: DeviceArray) -> DeviceArray:
    return apply("pointwise.cu", plan_flat.column_sum(A.shape), a=ready(A))["out"]


def flatten(parts: list[DeviceArray]) -> DeviceArray:
    arrays = {str(i): ready(a) for i, a in enumerate(parts)}
    return apply("pointwise.cu", plan_flat.flatten([a.size for a in arrays.values()]), **arrays)["out"]


def combine(a: Any, x: DeviceArray, b: Any, y: DeviceArray) -> DeviceArray:
    """a x + b y. If a or b is on the device, CuPy computes the sum."""
    fit(x.shape == y.shape, x.shape, y.shape)
    if isinstance(a, cupy.ndarray) or isinstance(b, cupy.ndarray):
        return (a * x + b * y).astype(x.dtype, copy=False)
    operation = plan_flat.combine(x.size, a, b)
    return apply("pointwise.cu", operation, x=ready(x), y=ready(y))["out"].reshape(x.shape)


def dot(x: DeviceArray, y: DeviceArray) -> DeviceArray:
    fit(x.size == y.size, x.shape, y.shape)
    return apply("pointwise.cu", plan_flat.dot(x.size), x=ready(x), y=ready(y))["out"].reshape(())


# ---------------------------------------------------------------- normalisation


def normalise(
    X: DeviceArray, gamma: DeviceArray | None, beta: DeviceArray | None, sizes: Sizes, eps: float, *, centre: bool
) -> tuple[DeviceArray, Any]:
    X = ready(X)
    operation = plan_norm.normalise(X.shape, sizes, eps, centre=centre)
    found = apply("norm.cu", operation, x=X, gamma=ready(gamma), beta=ready(beta))
    S, _, G, _ = sizes
    mean, var = (a.reshape(S, 1, G, 1) for a in (found["mean"][0], found["var"]))
    return found["y"], (X, (mean, var, {name: found[name] for name in plan_norm.SAVED}))


def normalise_vjp(
    saved: Any,
    gamma: DeviceArray | None,
    G: DeviceArray,
    sizes: Sizes,
    *,
    centre: bool,
    wrt_x: bool = True,
    wrt_p: bool = True,
) -> tuple[DeviceArray | None, tuple[DeviceArray, DeviceArray] | None]:
    X, (_, _, kept) = saved
    operation = plan_norm.normalise_vjp(X.shape, sizes, centre=centre, wrt_x=wrt_x, wrt_p=wrt_p)
    found = apply("norm_vjp.cu", operation, x=X, g=ready(G), gamma=ready(gamma), **kept)
    return found.get("out"), tuple(found["parameters"]) if wrt_p else None


# ---------------------------------------------------------------- optimiser


def adam(
    theta: DeviceArray,
    g: DeviceArray,
    m: DeviceArray,
    v: DeviceArray,
    *,
    lr: Any,
    b1: float,
    b2: float,
    eps: float,
    t: Any,
) -> tuple[DeviceArray, ...]:
    """``t`` and ``lr`` are numbers, or arrays without axes of int64 and float64."""
    fit(theta.shape == g.shape == m.shape == v.shape, theta.shape, g.shape, m.shape, v.shape)
    at = {"t": cupy.asarray(t, np.int64)}
    if isinstance(lr, cupy.ndarray):
        at["schedule"], lr = lr, 0.0
    rates = apply("adam.cu", plan_flat.adam_rates(lr, b1=b1, b2=b2), **at)["rates"]
    operation = plan_flat.adam(theta.size, b1=b1, b2=b2, eps=eps)
    arrays = {"theta": theta, "g": g, "m": m, "v": v}
    return tuple(apply("adam.cu", operation, **{n: ready(a) for n, a in arrays.items()}, rates=rates).values())
