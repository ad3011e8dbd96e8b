"""The direct form of the convolutions: tables for the loops in conv_direct_kernels.py.

x̄ of stride s is s·s convolutions of ȳ of stride 1, one for each phase of x̄'s pixels, so that each x̄ is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from tinygan.kernels.jit.conv_direct_kernels import Correlate, correlate
from tinygan.kernels.jit.memory import empty, workspace
from tinygan.kernels.jit.pack import Pack, bias_rows, pack, pack_transposed, panels
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.tile import SPARE
from tinygan.kernels.jit.vector import Vector
from tinygan.kernels.reference import shift
from tinygan.kernels.shapes import Array, Pad, Pair, Shape, phases

FRAMES = 1 << 18  # bytes of frames that a thread holds at a time: half of a second-level cache


class Phase(NamedTuple):
    """One convolution of stride ``step`` over the frame: outputs out_rows x out_columns (slices) of y's image."""

    out_rows: range
    out_columns: range
    from_row: int  # where in the frame the first output's window begins
    from_column: int
    kernel: Pair


class Plan(NamedTuple):
    """The tables of ``correlate`` for one shape."""

    numbers: dict[str, int]  # by the names of ``correlate``'s arguments
    groups: np.ndarray
    panels: np.ndarray
    phases: np.ndarray
    ia: np.ndarray
    ic: np.ndarray
    taps: np.ndarray
    room: int
    packed: int
    full: bool  # every output is in a phase


def correlated(
    v: Vector, x: Array, pack_weight: Callable[[Array], None], plan: Plan, shape: Shape, bias: Array | None, points: int
) -> Array:
    """y of ``shape``, by ``plan``; ``pack_weight(packed)`` fills the panels."""
    y = empty(shape, x.dtype)
    if not plan.full:
        y[:] = 0
        shift(y, bias, points)
    threads = pool().n
    packed, frames = workspace(x.dtype, plan.packed, threads * plan.room)
    pack_weight(packed)
    start, zero = bias_rows(v, bias, plan.panels, shape[3], x.dtype)
    n_panels, groups = len(plan.panels), len(plan.groups)
    splits = min(n_panels, -(-2 * threads // groups))
    args = Correlate(
        x=x, w=packed, y=y, bias=start, zero=zero, frames=frames, groups=plan.groups, panels=plan.panels,
        phases=plan.phases, ia=plan.ia, ic=plan.ic, taps=plan.taps, splits=splits, n_panels=n_panels, room=plan.room,
        **plan.numbers,
    )  # fmt: skip
    correlate(v, groups * splits, args)
    return y


def make_plan(
    v: Vector,
    x_shape: Shape,
    points: int,
    y_size: Pair,
    O: int,
    phases: list[Phase],
    step: Pair,
    frame: Pair,
    origin: Pair,
) -> Plan:
    """Tables for x (N, H, W, C) in frames of ``frame`` (rows, columns) at ``origin``; y images of ``y_size``."""
    N, H, W, C = x_shape
    (FH, FW), (top, left) = frame, origin
    framed = (FH, FW, top, left) != (H, W, 0, 0)
    size = FH * FW * C
    per_group = max(1, min(N, FRAMES // max(1, size * np.dtype(v.dtype).itemsize)))
    groups, counts = [], []
    for first, last, shifted in ((0, points, 1), (points, N, 0)):
        for n in range(first, last, per_group):
            count = min(per_group, last - n)
            if count not in counts:
                counts.append(count)
            groups.append((n, count, counts.index(count), shifted))
    vectors, table = panels(O, v.lanes)[1], []
    none = np.zeros(0, np.int64)
    ia, ic, at_row, at_tap, packed = [none], [none], 0, 0, 0
    taps = [none, *(np.arange(f.kernel[0]) * FW * C for f in phases)]
    for count in counts:
        at_tap, packed = 0, 0
        for f in phases:
            i = np.arange(len(f.out_rows)) * step[0] + f.from_row
            j = np.arange(len(f.out_columns)) * step[1] + f.from_column
            images = np.arange(count)[:, None]
            a = images * size + ((i[:, None] * FW + j) * C).ravel()
            c = images * (y_size[0] * y_size[1] * O)
            c = c + ((np.array(f.out_rows)[:, None] * y_size[1] + np.array(f.out_columns)) * O).ravel()
            T, K = f.kernel[0], f.kernel[1] * C
            table.append((at_row, a.size, at_tap, T, K, packed))
            ia.append(np.append(a, [a.flat[-1]] * SPARE))
            ic.append(np.append(c, [c.flat[-1]] * SPARE))
            at_row, at_tap, packed = at_row + a.size + SPARE, at_tap + T, packed + T * K * vectors * v.lanes
    written = sum(len(f.out_rows) * len(f.out_columns) for f in phases)

    def whole(a: Any) -> Array:
        return np.array(a, np.int64).reshape(-1)

    frame_size = {"FH": FH, "FW": FW, "top": top, "left": left}
    image = {"H": H, "W": W, "C": C, "out": y_size[0] * y_size[1] * O, "O": O}
    return Plan(
        {"n_phases": len(phases), "framed": int(framed), **frame_size, **image},
        whole(groups).reshape(-1, 4), panels(O, v.lanes)[0], whole(table),
        np.concatenate(ia), np.concatenate(ic), np.concatenate(taps),
        size * per_group if framed else 0, packed, written == y_size[0] * y_size[1],
    )  # fmt: skip


@lru_cache(512)
def forward_plan(
    v: Vector, shape: Shape, O: int, kernel: Pair, size: Pair, stride: Pair, pad: Pad, points: int
) -> Plan:
    _, H, W, _ = shape
    (top, bottom), (left, right) = pad
    FH, FW = H + top + bottom, W + left + right
    phases = [Phase(range(size[0]), range(size[1]), 0, 0, kernel)]
    return make_plan(v, shape, points, size, O, phases, stride, (FH, FW), (top, left))


def conv2d(v: Vector, x: Array, w: Array, size: Pair, stride: Pair, pad: Pad, bias: Array | None, points: int) -> Array:
    """The direct form of ``reference.conv2d``."""
    kh, kw, C, O = w.shape
    plan = forward_plan(v, x.shape, O, (kh, kw), size, stride, pad, points)

    def packing(packed: Array) -> None:
        pack(v, 1, Pack.whole(w, packed, plan.panels, kh * kw * C, O))

    return correlated(v, x, packing, plan, (len(x), *size, O), bias, points)


@lru_cache(512)
def backward_plan(
    v: Vector, shape: Shape, C: int, kernel: Pair, size: Pair, stride: Pair, pad: Pad, points: int
) -> tuple[Plan, Array]:
    """Phases with their taps: rows of x̄ that meet the same taps of w, and where their windows of ȳ begin."""
    _, P, Q, O = shape
    found: list[Any] = []
    places = []
    for (a, rows, th, (up, _)), (b, columns, tw, (left, _)) in phases(size, kernel, stride, pad, (P, Q)):
        found.append((rows, columns, -up, -left, (th, tw), a, b))
    top, left = (max([0, *(-f[k] for f in found)]) for k in (2, 3))
    bottom = max([P, *(f[2] + len(f[0]) + f[4][0] - 1 for f in found)])
    right = max([Q, *(f[3] + len(f[1]) + f[4][1] - 1 for f in found)])
    table = [Phase(f[0], f[1], f[2] + top, f[3] + left, f[4]) for f in found]
    plan = make_plan(v, shape, points, size, C, table, (1, 1), (top + bottom, left + right), (top, left))
    start, vectors = 0, panels(C, v.lanes)[1]
    for *_, (th, tw), a, b in found:
        for i, j in product(range(th), range(tw)):
            tap = (a + stride[0] * (th - 1 - i)) * kernel[1] + b + stride[1] * (tw - 1 - j)
            places.append((tap * C * O, start, (i * tw + j) * O, th * tw * O))
        start += th * tw * O * vectors * v.lanes
    return plan, np.array(places, np.int64)


def conv2d_dx(
    v: Vector, gy: Array, w: Array, size: Pair, stride: Pair, pad: Pad, bias: Array | None, points: int
) -> Array:
    """The direct form of ``reference.conv2d_dx``."""
    kh, kw, C, O = w.shape
    plan, places = backward_plan(v, gy.shape, C, (kh, kw), size, stride, pad, points)

    def packing(packed: Array) -> None:
        pack_transposed(v, len(places), w, packed, plan.panels, len(plan.panels), C, O, places)

    return correlated(v, gy, packing, plan, (len(gy), *size, C), bias, points)
