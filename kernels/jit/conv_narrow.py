"""Convolutions to few channels, such as those of an image: multiply, then shift.

Where O output channels would leave most of a vector empty, all taps are multiplied at once, z[pixel] = x[pixel] · w with
w (C, kh·kw·O), and each row of taps, kw·O neighbouring numbers, is added where it belongs in the output.
"""

from functools import lru_cache

import numpy as np

from tinygan.kernels.jit.compile import Int, Ints, Reals, kernel
from tinygan.kernels.jit.memory import empty, workspace
from tinygan.kernels.jit.pack import bias_rows, pack, panels
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.tile import SPARE, product
from tinygan.kernels.jit.vector import at, copy


@kernel
def spread(v):
    """y[s·i + u − p, s·j + t − q] += x[i, j] · w[:, u, t], from the bias on. Part = an image."""
    multiply = product(v)

    def run(
        part, thread, x: Reals, w: Reals, y: Reals, bias: Reals, zero: Reals, scratch: Reals, panels: Ints, ia: Ints, ic: Ints,
        nothing: Ints, count: Int, columns: Int, P: Int, Q: Int, C: Int, H: Int, W: Int, O: Int, kh: Int, kw: Int,
        sh: Int, sw: Int, top: Int, left: Int, up: Int, over: Int, FH: Int, FW: Int, points: Int, room: Int
    ):  # fmt: skip
        a, z = at(x, part * P * Q * C), at(scratch, thread * room)
        frame = at(z, P * Q * columns)
        multiply(a, w, z, zero, ia, ic, nothing, 1, C, P * Q, panels, 0, count, columns)
        b = bias if part < points else zero
        for k in range(FH * FW):
            for o in range(O):
                frame[k * O + o] = b[o]
        for i in range(P):
            for j in range(Q):
                for u in range(kh):
                    source = at(z, (i * Q + j) * columns + u * kw * O)
                    target = at(frame, ((sh * i + u + up) * FW + sw * j + over) * O)
                    for k in range(kw * O):
                        target[k] += source[k]
        for i in range(H):
            copy(at(frame, ((i + top + up) * FW + left + over) * O), at(y, (part * H + i) * W * O), W * O)

    return run


@lru_cache(512)
def tables(pixels, C, columns):
    """Where each pixel lies in x and in z."""
    index = np.minimum(np.arange(pixels + SPARE), pixels - 1)
    return index * C, index * columns


def conv2d_dx(v, gy, w, size, stride, pad, bias, points):
    """``reference.conv2d_dx`` where C is small."""
    return spread_taps(v, gy, w.transpose(3, 0, 1, 2), size, stride, pad, bias, points)


def conv2d(v, x, w, size, pad, bias, points):
    """``reference.conv2d`` of stride 1 where O is small: the adjoint of the flipped kernel's convolution."""
    flipped = tuple((k - 1 - first, k - 1 - last) for k, (first, last) in zip(w.shape[:2], pad, strict=True))
    return spread_taps(v, x, w[::-1, ::-1].transpose(2, 0, 1, 3), size, (1, 1), flipped, bias, points)


def spread_taps(v, x, w, size, stride, pad, bias, points):
    """x (N, P, Q, C), w (C, kh, kw, O) → (N, *size, O)."""
    (N, P, Q, C), (_, kh, kw, O), (H, W), (sh, sw) = x.shape, w.shape, size, stride
    (top, _), (left, _) = pad
    cut, vectors = panels(kh * kw * O, v.lanes)
    columns = vectors * v.lanes
    up, over = max(0, -top), max(0, -left)
    FH, FW = max(sh * (P - 1) + kh, top + H) + up, max(sw * (Q - 1) + kw, left + W) + over
    room = P * Q * columns + FH * FW * O
    start, zero = bias_rows(v, bias, cut, O, x.dtype)
    y = empty((N, H, W, O), x.dtype)
    packed, scratch = workspace(x.dtype, C * columns, pool().n * room)
    pack(v, 1, np.ascontiguousarray(w), packed, cut, len(cut), kh * kw * O, C, C, 1, C)
    ia, ic = tables(P * Q, C, columns)
    spread(
        v, N, x, packed, y, start, zero, scratch, cut, ia, ic, np.zeros(1, np.int64), len(cut), columns, P, Q, C, H, W, O,
        kh, kw, sh, sw, top, left, up, over, FH, FW, points, room,
    )  # fmt: skip
    return y
