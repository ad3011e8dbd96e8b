"""Convolutions to few channels, such as those of an image: multiply, then shift.

Where O output channels would leave most of a vector empty, all taps are multiplied at once, z[pixel] = x[pixel] · w with
w (C, kh·kw·O), and each row of taps, kw·O neighbouring numbers, is added where it belongs in the output.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tinygan.kernels.jit.compile import Int, Ints, Loop, Reals, kernel
from tinygan.kernels.jit.memory import empty, workspace
from tinygan.kernels.jit.pack import Pack, bias_rows, pack, panels
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.tile import SPARE, product
from tinygan.kernels.jit.vector import Vector, at, copy
from tinygan.kernels.shapes import Array, Pad, Pair


class Spread(NamedTuple):
    """The arguments of ``spread``."""

    x: Reals  # images (P, Q, C)
    w: Reals  # (C, kh, kw, O) in panels
    y: Reals  # images (H, W, O)
    bias: Reals  # filled up to the panels' whole vectors
    zero: Reals  # as many zeros
    scratch: Reals  # ``room`` numbers for each thread: z (P, Q, columns), and a frame (FH, FW, O)
    panels: Ints
    ia: Ints  # where each pixel begins in x
    ic: Ints  # and in z
    nothing: Ints  # a zero: the offset of the only tap
    n_panels: Int  # of panels
    columns: Int
    P: Int
    Q: Int
    C: Int
    H: Int
    W: Int
    O: Int
    kh: Int
    kw: Int
    sh: Int
    sw: Int
    top: Int  # of the padding; y begins at (top + up, left + over) of the frame
    left: Int
    up: Int
    over: Int
    FH: Int
    FW: Int
    points: Int  # images that have the bias
    room: Int


@kernel
def spread(v: Vector) -> Loop:
    """y[s·i + u − p, s·j + t − q] += x[i, j] · w[:, u, t], from the bias on. Part = an image."""
    multiply = product(v)

    def run(part, thread, args: Spread):
        P, Q, C, H, W, O, FW, columns = args.P, args.Q, args.C, args.H, args.W, args.O, args.FW, args.columns
        a, z = at(args.x, part * P * Q * C), at(args.scratch, thread * args.room)
        frame = at(z, P * Q * columns)
        multiply(
            a, args.w, z, args.zero, args.ia, args.ic, args.nothing, 1, C, P * Q, args.panels, 0, args.n_panels, columns
        )
        b = args.bias if part < args.points else args.zero
        for pixel in range(args.FH * FW):
            for o in range(O):
                frame[pixel * O + o] = b[o]
        for i in range(P):
            for j in range(Q):
                for u in range(args.kh):
                    source = at(z, (i * Q + j) * columns + u * args.kw * O)
                    target = at(frame, ((args.sh * i + u + args.up) * FW + args.sw * j + args.over) * O)
                    for n in range(args.kw * O):
                        target[n] += source[n]
        for i in range(H):
            line = at(frame, ((i + args.top + args.up) * FW + args.left + args.over) * O)
            copy(line, at(args.y, (part * H + i) * W * O), W * O)

    return run


@lru_cache(512)
def tables(pixels: int, C: int, columns: int) -> tuple[Array, Array]:
    """Where each pixel lies in x and in z."""
    index = np.minimum(np.arange(pixels + SPARE), pixels - 1)
    return index * C, index * columns


def conv2d_dx(
    v: Vector, gy: Array, w: Array, size: Pair, stride: Pair, pad: Pad, bias: Array | None, points: int
) -> Array:
    """``reference.conv2d_dx`` where C is small."""
    return spread_taps(v, gy, w.transpose(3, 0, 1, 2), size, stride, pad, bias, points)


def conv2d(v: Vector, x: Array, w: Array, size: Pair, pad: Pad, bias: Array | None, points: int) -> Array:
    """``reference.conv2d`` of stride 1 where O is small: the adjoint of the flipped kernel's convolution."""
    flipped = tuple((k - 1 - first, k - 1 - last) for k, (first, last) in zip(w.shape[:2], pad, strict=True))
    return spread_taps(v, x, w[::-1, ::-1].transpose(2, 0, 1, 3), size, (1, 1), flipped, bias, points)


def spread_taps(
    v: Vector, x: Array, w: Array, size: Pair, stride: Pair, pad: Pad, bias: Array | None, points: int
) -> Array:
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
    pack(v, 1, Pack.whole(np.ascontiguousarray(w), packed, cut, C, kh * kw * O))
    ia, ic = tables(P * Q, C, columns)
    args = Spread(
        x=x, w=packed, y=y, bias=start, zero=zero, scratch=scratch, panels=cut, ia=ia, ic=ic, nothing=np.zeros(1, np.int64),
        n_panels=len(cut), columns=columns, P=P, Q=Q, C=C, H=H, W=W, O=O, kh=kh, kw=kw, sh=sh, sw=sw, top=top, left=left,
        up=up, over=over, FH=FH, FW=FW, points=points, room=room,
    )  # fmt: skip
    spread(v, N, args)
    return y
