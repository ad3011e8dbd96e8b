"""The CPU backend: the operations of ``reference`` as compiled loops on all cores.

Arrays of float32 and float64 are worked on as they are; other dtypes go to ``reference``.
"""

import numpy as np

from tinygan.kernels import jit_direct, jit_host, reference
from tinygan.kernels.jit_vector import Vector
from tinygan.kernels.reference import adam, pointwise, pointwise_dx, standardise, standardise_dx  # noqa: F401

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
ONE = {"stride": (1, 1), "pad": ((0, 0), (0, 0))}


def prepare(*arrays):
    """The vector for arrays of one dtype, and the arrays contiguous; None and the arrays where there is no such vector."""
    dtype = np.result_type(*arrays)
    if dtype not in FLOATS:
        return None, *arrays
    return Vector(dtype.name, jit_host.width()), *(np.ascontiguousarray(a, dtype) for a in arrays)


def images(a):
    """A matrix as images of one pixel: a linear map is a convolution of them."""
    return a.reshape(a.shape[0], 1, 1, a.shape[1])


def linear(x, w, *, bias=None, points=None):
    return conv2d_dx(images(x), w[None, None], size=(1, 1), **ONE, bias=bias, points=points)[:, 0, 0]


def linear_dx(gy, w):
    return conv2d(images(gy), w[None, None], **ONE)[:, 0, 0]


def linear_dw(x, gy):
    return conv2d_dw(images(gy), images(x), kernel=(1, 1), **ONE)[0, 0]


def conv2d(x, w, *, stride, pad, bias=None, points=None):
    v, x, w = prepare(x, w)
    if v is None or not (x.size and w.size):
        return reference.conv2d(x, w, stride=stride, pad=pad, bias=bias, points=points)
    return jit_direct.conv2d(v, x, w, stride, pad, bias, points)


def conv2d_dx(gy, w, *, size, stride, pad, bias=None, points=None):
    v, gy, w = prepare(gy, w)
    if v is None or not (gy.size and w.size):
        return reference.conv2d_dx(gy, w, size=size, stride=stride, pad=pad, bias=bias, points=points)
    return jit_direct.conv2d_dx(v, gy, w, size, stride, pad, bias, points)


def conv2d_dw(x, gy, *, kernel, stride, pad):
    v, x, gy = prepare(x, gy)
    if v is None or not (x.size and gy.size):
        return reference.conv2d_dw(x, gy, kernel=kernel, stride=stride, pad=pad)
    return jit_direct.conv2d_dw(v, x, gy, kernel, stride, pad)
