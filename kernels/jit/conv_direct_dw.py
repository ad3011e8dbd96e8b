"""The direct form of the weight gradient: the lists of pixels that ``contract`` sums over."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from tinygan.kernels.jit.conv_direct_kernels import Contract, contract
from tinygan.kernels.jit.memory import empty, workspace
from tinygan.kernels.jit.pack import Pack, pack, panels
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.vector import Vector
from tinygan.kernels.reference import frame
from tinygan.kernels.shapes import Array, Pad, Pair, Shape

CHUNK = 192  # pixels of the inner loop: their panel stays in a first-level cache
CACHE = 1 << 18  # bytes of sums up to which each range of images has its own


class Lists(NamedTuple):
    """The tables of ``contract``: row blocks (where in x, row of w̄, list) and lists of pixels."""

    units: np.ndarray
    ix: np.ndarray
    ig: np.ndarray
    begin: np.ndarray
    rows: int
    per_chunk: int
    blocks: int
    size: int
    ranges: int


@lru_cache(512)
def lists(v: Vector, shape: Shape, O: int, kernel: Pair, stride: Pair, pad: Pad, out: Pair, framed: bool) -> Lists:
    """For x of ``shape`` in place (lists leave out pixels whose tap falls outside), or ``framed`` with its padding."""
    N, H, W, C = shape
    (kh, kw), (P, Q), R = kernel, out, v.channel_rows
    per_chunk = max(1, min(N, CHUNK // (P * Q)))
    blocks = -(-P * Q // CHUNK) if per_chunk == 1 else 1
    size = -(-per_chunk * P * Q // blocks)
    top, left = (0, 0) if framed else (pad[0][0], pad[1][0])
    n, i, j = (a.ravel() for a in np.meshgrid(np.arange(per_chunk), np.arange(P), np.arange(Q), indexing="ij"))
    ix, pixel, begin, units, at_list = [], [], [], [], 0
    for u, t in [(0, 0)] if framed else product(range(kh), range(kw)):
        y, x = stride[0] * i + u - top, stride[1] * j + t - left
        inside = (y >= 0) & (y < H) & (x >= 0) & (x < W)
        ix.append((((n * H + y) * W + x) * C)[inside])
        which = (np.arange(n.size))[inside]
        pixel.append(which % size)
        starts = [at_list + int((which < b * size).sum()) for b in range(blocks + 1)]
        begin.append([*starts, int(inside[: P * Q].sum())])
        at_list += len(which)
    if framed:
        row = -(-kw * C // R) * R
        units = [(u * W * C + r, u * row + r, 0) for u in range(kh) for r in range(0, row, R)]
    else:
        row = kw * C
        units = [(c, t * C + c, t) for t in range(kh * kw) for c in range(0, C, R)]
    index = np.concatenate(pixel)
    weights = kh * row * O * np.dtype(v.dtype).itemsize
    ranges = 4 if weights <= CACHE and P * Q >= 128 and N >= 8 else 1
    return Lists(
        np.array(units, np.int64), np.concatenate(ix).astype(np.int64),
        np.concatenate([index * k * v.lanes for k in (1, 2, 3)]).astype(np.int64), np.array(begin, np.int64),
        kh * row, per_chunk, blocks, size, ranges,
    )  # fmt: skip


def conv2d_dw(v: Vector, x: Array, gy: Array, kernel: Pair, stride: Pair, pad: Pad) -> Array:
    """The direct form of ``reference.conv2d_dw``."""
    (N, H, W, C), (_, P, Q, O), (kh, kw) = x.shape, gy.shape, kernel
    framed = C % v.channel_rows != 0
    if framed:
        (top, bottom), columns = pad
        below = -(
            -v.channel_rows // (C * (W + sum(columns)))
        )  # rows of zeros: the last block of rows reads beyond its window
        x = np.ascontiguousarray(frame(x, (top, bottom + below), columns))
        H, W = x.shape[1:3]
    t = lists(v, (N, H, W, C), O, kernel, stride, pad, (P, Q), framed)
    cut, vectors = panels(O, v.lanes)
    chunks, step = -(-N // t.per_chunk), vectors * v.lanes
    (packed,) = workspace(gy.dtype, chunks * t.blocks * t.size * step)
    rows = {"total": N * P * Q, "group": t.per_chunk * P * Q, "blocks": t.blocks, "size": t.size}
    pack(v, chunks * t.blocks, Pack(a=gy, packed=packed, panels=cut, n_panels=len(cut), columns=O, **rows))
    whole = t.rows == kh * kw * C and step == O
    gw = empty((t.ranges, t.rows, step), x.dtype)
    splits = min(len(t.units), -(-4 * pool().n // t.ranges))
    args = Contract(
        x=x, g=packed, q=gw, units=t.units, panels=cut, ix=t.ix, ig=t.ig, begin=t.begin, splits=splits, n_units=len(t.units),
        n_panels=len(cut), length=len(t.ix), ranges=t.ranges, chunks=chunks, blocks=t.blocks, size=t.size,
        per_chunk=t.per_chunk, images=N, step=step, rows=t.rows, image=H * W * C,
    )  # fmt: skip
    contract(v, t.ranges * splits, args)
    total = gw[0] if t.ranges == 1 else gw.sum(axis=0)
    if whole:
        return total.reshape(kh, kw, C, O)
    return np.ascontiguousarray(total.reshape(kh, -1, step)[:, : kw * C, :O]).reshape(kh, kw, C, O)
