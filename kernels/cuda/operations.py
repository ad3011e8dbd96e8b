"""The GPU backend: the operations of ``reference`` on CuPy's arrays of float32, by the kernels of the .cu files beside this.

Convolutions, and linear maps as convolutions of one pixel, are FP32-accurate products on tensor cores at the precision "fast",
float32 as it is at "direct", and products of factors rounded to TF32 at "tf32". Nothing here waits for the device: ``dot``
returns an array of no axes, and ``adam`` takes the number of the step as such an array too.
"""

from functools import cache

import cupy
import numpy as np

from tinygan.errors import UsageError
from tinygan.kernels import precision_in_force
from tinygan.kernels.cuda import driver, plan_conv, plan_flat, plan_matmul, plan_norm
from tinygan.kernels.reference import OF_X
from tinygan.kernels.shapes import fit

ARITHMETIC = {"fast": "tf32x3", "direct": "fp32", "tf32": "tf32"}
ONE = {"stride": (1, 1), "pad": ((0, 0), (0, 0))}
WORD = 16  # bytes that a kernel may read at a time


# ---------------------------------------------------------------- arrays and launches


@cache
def module(file, ordinal):
    """The kernels of a file on a device, compiled once."""
    return driver.Module(driver.Device(ordinal), file)


def launch(file, launches):
    kernels, stream = module(file, cupy.cuda.Device().id), cupy.cuda.get_current_stream().ptr
    for one in launches:
        kernels.launch(one, stream)


def floats(a):
    """a; UsageError where it is not of float32."""
    if a.dtype != np.float32:
        raise UsageError(f"the CUDA kernels work on float32: got {a.dtype}; use --backend jit, or x.astype(np.float32)")
    return a


def ready(a):
    """Contiguous, of float32."""
    return None if a is None else cupy.ascontiguousarray(floats(a))


def aligned(a):
    """Ready, and from a whole word on: a weight may begin anywhere in θ."""
    a = ready(a)
    return a.copy() if a.data.ptr % WORD else a


def address(a):
    return None if a is None else a.data.ptr


def empty(shape):
    return cupy.empty(shape, np.float32)


def apply(file, operation, **arrays):
    """The results of a ``plan.Operation``, a dictionary."""
    results = {name: empty(shape) for name, shape in operation.writes.items()}
    arrays |= results | {"workspace": empty(operation.workspace)}
    launch(file, operation.launches({name: address(a) for name, a in arrays.items()}))
    return results


# ---------------------------------------------------------------- products


def product(operation, a, b, *, bias=None, **how):
    a, b = aligned(a), aligned(b)
    planned = getattr(plan_conv, operation)(a.shape, b.shape, arithmetic=ARITHMETIC[precision_in_force()], **how)
    return apply("conv.cu", planned, a=a, b=b, bias=ready(bias))["out"]


def conv2d(x, w, *, stride, pad, bias=None, points=None):
    return product("conv2d", x, w, stride=stride, pad=pad, bias=bias, points=points)


def conv2d_dx(gy, w, *, size, stride, pad, bias=None, points=None):
    return product("conv2d_dx", gy, w, size=size, stride=stride, pad=pad, bias=bias, points=points)


def conv2d_dw(x, gy, *, kernel, stride, pad):
    return product("conv2d_dw", x, gy, kernel=kernel, stride=stride, pad=pad)


def pixels(a):
    """A matrix as images of one pixel."""
    return a[:, None, None]


def linear(x, w, *, bias=None, points=None):
    """w (O, I) as the weights (1, 1, O, I) of a convolution from O channels to I: x Wᵀ is its adjoint."""
    return conv2d_dx(pixels(x), w[None, None], size=(1, 1), **ONE, bias=bias, points=points)[:, 0, 0]


def linear_dx(gy, w):
    return conv2d(pixels(gy), w[None, None], **ONE)[:, 0, 0]


def linear_dw(x, gy):
    return conv2d_dw(pixels(gy), pixels(x), kernel=(1, 1), **ONE)[0, 0]


def matmul(a, b):
    """CuPy's own product calls cuBLAS, which it does not record in a graph. At "tf32" too as exact as FP32."""
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


def batches(a, lead):
    """Matrices as (outer, inner, rows, columns), broadcast along the axes ``lead``, without a copy where two are enough."""
    a = np.broadcast_to(floats(a), (*lead, *a.shape[-2:]))
    if len(lead) > 2:
        return cupy.ascontiguousarray(a).reshape(1, -1, *a.shape[-2:])
    return a[(None,) * (2 - len(lead))]


def matrices(a):
    return plan_matmul.Matrices.of(a.shape, a.strides)


# ---------------------------------------------------------------- pointwise, sums


def pointwise(X, f, a):
    X = ready(X)
    Y = apply("pointwise.cu", plan_flat.pointwise(X.shape, f, a), s=X)["out"]
    return Y, X if f in OF_X else Y


def pointwise_dx(S, G, f, a):
    fit(S.shape == G.shape, S.shape, G.shape)
    return apply("pointwise.cu", plan_flat.pointwise_dx(S.shape, f, a), s=ready(S), g=ready(G))["out"]


def scale_shift(X, scale, shift):
    operation = plan_flat.scale_shift(X.shape)
    return apply("pointwise.cu", operation, x=ready(X), scale=ready(scale), shift=ready(shift))["out"]


def column_sum(A):
    return apply("pointwise.cu", plan_flat.column_sum(A.shape), a=ready(A))["out"]


def flatten(parts):
    parts = {str(i): ready(a) for i, a in enumerate(parts)}
    return apply("pointwise.cu", plan_flat.flatten([a.size for a in parts.values()]), **parts)["out"]


def combine(a, x, b, y):
    """Where a or b lives on the device CuPy makes the sum."""
    fit(x.shape == y.shape, x.shape, y.shape)
    if isinstance(a, cupy.ndarray) or isinstance(b, cupy.ndarray):
        return (a * x + b * y).astype(x.dtype, copy=False)
    operation = plan_flat.combine(x.size, a, b)
    return apply("pointwise.cu", operation, x=ready(x), y=ready(y))["out"].reshape(x.shape)


def dot(x, y):
    fit(x.size == y.size, x.shape, y.shape)
    return apply("pointwise.cu", plan_flat.dot(x.size), x=ready(x), y=ready(y))["out"].reshape(())


# ---------------------------------------------------------------- normalisation


def normalise(X, gamma, beta, sizes, eps, *, centre):
    X = ready(X)
    operation = plan_norm.normalise(X.shape, sizes, eps, centre=centre)
    found = apply("norm.cu", operation, x=X, gamma=ready(gamma), beta=ready(beta))
    S, _, G, _ = sizes
    mean, var = (a.reshape(S, 1, G, 1) for a in (found["mean"][0], found["var"]))
    return found["y"], (X, (mean, var, {name: found[name] for name in plan_norm.SAVED}))


def normalise_pull(saved, gamma, G, sizes, *, centre, wrt_x=True, wrt_p=True):
    X, (_, _, kept) = saved
    operation = plan_norm.normalise_pull(X.shape, sizes, centre=centre, wrt_x=wrt_x, wrt_p=wrt_p)
    found = apply("norm_pull.cu", operation, x=X, g=ready(G), gamma=ready(gamma), **kept)
    return found.get("out"), tuple(found["parameters"]) if wrt_p else None


# ---------------------------------------------------------------- optimiser


def adam(theta, g, m, v, *, lr, b1, b2, eps, t):
    """``t`` and ``lr`` are numbers, or arrays of no axes: int64 and float64."""
    fit(theta.shape == g.shape == m.shape == v.shape, theta.shape, g.shape, m.shape, v.shape)
    at = {"t": cupy.asarray(t, np.int64)}
    if isinstance(lr, cupy.ndarray):
        at["schedule"], lr = lr, 0.0
    rates = apply("adam.cu", plan_flat.adam_rates(lr, b1=b1, b2=b2), **at)["rates"]
    operation = plan_flat.adam(theta.size, b1=b1, b2=b2, eps=eps)
    arrays = {"theta": theta, "g": g, "m": m, "v": v}
    return tuple(apply("adam.cu", operation, **{n: ready(a) for n, a in arrays.items()}, rates=rates).values())
