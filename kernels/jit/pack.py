"""Panels: the layout in which the tiles read a matrix, a few whole vectors of each row after another.

A matrix of O columns is cut into panels of 3 or 2 vectors (1 where there is but one). Panel p, of s_p vectors before it, holds
rows of n_p vectors one after another, from rows · s_p · lanes on; the last vector is filled up with zeros.
"""

from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np

from tinygan.kernels.jit.compile import Int, Ints, Loop, Reals, kernel
from tinygan.kernels.jit.transpose_blocks import transpose
from tinygan.kernels.jit.vector import Vector, at, clear, copy
from tinygan.kernels.shapes import Array


@cache
def panels(columns: int, lanes: int) -> tuple[Array, int]:
    """[first vector, vectors] of each panel, and the number of vectors: as many threes as leave no one alone."""
    vectors = -(-columns // lanes)
    threes, rest = divmod(vectors, 3)
    widths = {0: [3] * threes, 1: [3] * (threes - 1) + [2, 2] if threes else [1], 2: [3] * threes + [2]}[rest]
    starts = np.cumsum([0, *widths])[:-1]
    return np.array([starts, widths], np.int64).T.copy(), vectors


def bias_rows(v: Vector, bias: Array | None, panels: Array, O: int, dtype: Any) -> tuple[Array, Array]:
    """The bias, filled up to the panels' whole vectors, and as many zeros."""
    rows = np.zeros((2, int(panels[-1].sum()) * v.lanes), dtype)
    if bias is not None:
        rows[0, :O] = bias
    return rows[0], rows[1]


@numba.njit(inline="always")
def fill_frame(image, H, W, C, c0, channels, frame, FH, FW, top, left):
    """frame (FH, FW, channels) = image (H, W, C) from channel c0 on, its corner at (top, left), zero around it."""
    if H + top < FH or W + left < FW or top > 0 or left > 0:
        clear(frame, FH * FW * channels)
    i0, i1, j0, j1 = max(0, -top), min(H, FH - top), max(0, -left), min(W, FW - left)
    for i in range(i0, i1 if j0 < j1 else i0):
        source, target = (i * W + j0) * C + c0, ((i + top) * FW + j0 + left) * channels
        if channels == C:
            copy(at(image, source), at(frame, target), (j1 - j0) * C)
        else:
            for j in range(j1 - j0):
                copy(at(image, source + j * C), at(frame, target + j * channels), channels)


class Pack(NamedTuple):
    """The arguments of ``pack``."""

    a: Reals  # a matrix (total, columns)
    packed: Reals
    panels: Ints
    n_panels: Int  # of panels
    columns: Int
    total: Int
    group: Int
    blocks: Int
    size: Int

    @classmethod
    def whole(cls, a: Array, packed: Array, panels: Array, rows: int, columns: int) -> "Pack":
        """All rows as one block."""
        one = {"total": rows, "group": rows, "blocks": 1, "size": rows}
        return cls(a=a, packed=packed, panels=panels, n_panels=len(panels), columns=columns, **one)


@kernel
def pack(v: Vector) -> Loop:
    """Rows of a matrix into panels. Part = a block: of each ``group`` of rows, ``blocks`` of ``size`` (the last shorter)."""
    lanes = v.lanes

    def run(part, thread, args: Pack):
        first = part // args.blocks * args.group + part % args.blocks * args.size
        last = min(first + args.size, part // args.blocks * args.group + args.group, args.total)
        vectors = -(-args.columns // lanes)
        target = at(args.packed, part * args.size * vectors * lanes)
        for p in range(args.n_panels):
            start, wide = args.panels[2 * p] * lanes, args.panels[2 * p + 1] * lanes
            real = min(wide, args.columns - start)
            for r in range(last - first):
                q = at(target, args.size * start + r * wide)
                copy(at(args.a, (first + r) * args.columns + start), q, real)
                if real < wide:
                    clear(at(q, real), wide - real)

    return run


@kernel
def pack_transposed(v: Vector) -> Loop:
    """Blocks of a weight, transposed, into panels: row o, column c of tap t is w[source[t] + c O + o]. Part = a tap.

    ``target[t]`` is the start of the tap's phase, ``row[t]`` its first row there, ``rows[t]`` all rows of the phase.
    """
    lanes, turn = v.lanes, transpose(v)

    def run(part, thread, w: Reals, packed: Reals, panels: Ints, count: Int, C: Int, O: Int, places: Ints):
        source, target = at(w, places[4 * part]), at(packed, places[4 * part + 1])
        row, rows = places[4 * part + 2], places[4 * part + 3]
        for p in range(count):
            start, wide = panels[2 * p] * lanes, panels[2 * p + 1] * lanes
            panel = at(target, rows * start + row * wide)
            for c in range(start, start + wide, lanes):
                for o in range(0, O, lanes):
                    q = at(panel, o * wide + c - start)
                    if c + lanes <= C and o + lanes <= O:
                        turn(at(source, c * O + o), O, q, wide)
                    else:
                        for i in range(min(lanes, O - o)):
                            for j in range(lanes):
                                q[i * wide + j] = source[(c + j) * O + o + i] if c + j < C else 0

    return run
