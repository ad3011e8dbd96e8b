"""The convolutions by Winograd's algorithm: tables for the loops in winograd_kernels.py."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from tinygan.kernels.jit.memory import empty, workspace
from tinygan.kernels.jit.pack import bias_rows, panels
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.tile import SPARE
from tinygan.kernels.jit.vector import Vector
from tinygan.kernels.jit.winograd_forms import Form
from tinygan.kernels.jit.winograd_kernels import SKEW, Correlate, correlate, even, transform_weight, turn
from tinygan.kernels.shapes import Array, Pad, Pair, Shape, phases


class Plan(NamedTuple):
    """The tables of ``correlate`` for one shape."""

    numbers: dict[str, int]  # by the names of ``correlate``'s arguments
    blocks: np.ndarray
    panels: np.ndarray
    phases: np.ndarray
    ia: np.ndarray
    ic: np.ndarray
    room: int
    plane: int
    packed: int


def make_plan(
    v: Vector,
    f: Form,
    x_shape: Shape,
    y_shape: Shape,
    points: int,
    S: int,
    D: int,
    phases: Sequence[tuple[int, ...]],
    frame_up: int,
    frame_left: int,
    threads: int,
) -> Plan:
    """For x (N, H, W, C) and y (N, P, Q, O); phases (first row, first column, rows, columns, up, over)."""
    (m, r), (N, H, W, C), (_, P, Q, O) = f, x_shape, y_shape
    n, K = m + r - 1, S * S * C
    TH, TW = (-(-max(p[k] for p in phases) // m) for k in (2, 3))
    FH = max(p[4] for p in phases) + S * (TH * m + r - 1)
    FW = max(p[5] for p in phases) + S * (TW * m + r - 1)
    blocks, TB = [], 0
    for first, last, shifted in ((0, points, 1), (points, N, 0)):
        total = (last - first) * TH * TW
        size = even(v, total, threads)
        TB = max(TB, size)
        blocks += [(first * TH * TW + k, min(size, total - k), shifted) for k in range(0, total, size)]
    plane = K * O + SKEW
    own = len(blocks) == 1
    room = n * n * (TB * (K + O) + 2 * SKEW) + FH * FW * C + m * m * O + own * n * n * (3 * v.lanes * K + SKEW)
    sizes = {"H": H, "W": W, "C": C, "O": O, "P": P, "Q": Q, "FH": FH, "FW": FW, "TH": TH, "TW": TW, "TB": TB}
    numbers = {"n_phases": len(phases), "S": S, "D": D, "top": frame_up, "left": frame_left, "plane": plane, **sizes}
    table = np.array(blocks, np.int64)
    ia, ic = (np.arange(TB + SPARE) * k for k in (K, O))
    packed = 0 if own else len(phases) * n * n * plane
    return Plan(numbers, table, panels(O, v.lanes)[0], np.array(phases, np.int64), ia, ic, room, plane, packed)


def correlated(
    v: Vector,
    f: Form,
    plan: Plan,
    taps: Array,
    x: Array,
    y_shape: Shape,
    w: Array,
    bias: Array | None,
    turned: tuple[int, int, int] | None = None,
) -> Array:
    """y by ``plan``, from the phases of w listed in ``taps``. With ``turned`` (taps, C, O), w is first transposed to (O, C)."""
    sizes = plan.packed, pool().n * plan.room, w.size if turned else 0
    packed, scratch, other = workspace(x.dtype, *sizes)
    if turned:
        turn(v, turned[0], w, other, *turned[1:])
        w = other
    own = 0
    if plan.packed:
        K, O = plan.numbers["S"] ** 2 * plan.numbers["C"], y_shape[3]
        transform_weight(v, len(taps), w, packed, plan.panels, taps, len(plan.panels), O, K, plan.plane, static=f)
        w = packed
    else:
        own = len(taps) // len(plan.phases)
    y = empty(y_shape, x.dtype)
    start, zero = bias_rows(v, bias, plan.panels, y_shape[3], x.dtype)
    parts, n_panels = len(plan.blocks) * len(plan.phases), len(plan.panels)
    splits = min(n_panels, -(-pool().n // parts))  # few blocks: the threads share a block's output channels
    args = Correlate(
        x=x, w=w, y=y, bias=start, zero=zero, scratch=scratch, blocks=plan.blocks, panels=plan.panels, phases=plan.phases,
        ia=plan.ia, ic=plan.ic, nothing=np.zeros(1, np.int64), taps=taps, own=own, splits=splits, n_panels=n_panels,
        room=plan.room, **plan.numbers,
    )  # fmt: skip
    correlate(v, parts * splits, args, static=f)
    return y


def slices(channels: int, taps: Sized) -> list[Pair]:
    """Ranges of channels, (first, count): a weight transform is cut into parts so that all threads have work."""
    step = max(8, -(-channels // max(1, 16 // len(taps))))
    return [(c, min(step, channels - c)) for c in range(0, channels, step)]


@lru_cache(512)
def forward_plan(
    v: Vector, f: Form, shape: Shape, w_shape: Shape, S: int, pad: Pad, size: Pair, points: int, threads: int
) -> tuple[Plan, Array]:
    _, kw, C, O = w_shape
    phases = [(0, 0, *size, 0, 0)]
    plan = make_plan(v, f, shape, (len(shape), *size, O), points, S, 1, phases, pad[0][0], pad[1][0], threads)
    taps = list(product(range(S), range(S)))
    parts = [
        ((a * kw + b) * C * O + c * O, S * kw * C * O, S * C * O, 0, (a * S + b) * C + c, count)
        for a, b in taps
        for c, count in slices(C, taps)
    ]
    return plan, np.array(parts, np.int64)


def conv2d(
    v: Vector, f: Form, x: Array, w: Array, size: Pair, stride: Pair, pad: Pad, bias: Array | None, points: int
) -> Array:
    """``reference.conv2d`` by F(m, r) of kernel S r, stride S."""
    O = w.shape[3]
    plan, parts = forward_plan(v, f, x.shape, w.shape, stride[0], pad, size, points, pool().n)
    return correlated(v, f, plan, parts, x, (len(x), *size, O), w, bias)


@lru_cache(512)
def backward_plan(
    v: Vector, f: Form, shape: Shape, w_shape: Shape, size: Pair, S: int, pad: Pad, points: int, threads: int
) -> tuple[Plan, Array]:
    (m, r), (kh, kw, C, O), (N, P, Q, _) = f, w_shape, shape
    found, parts = [], []
    for (a, rows, _, (up, _)), (b, columns, _, (left, _)) in phases(size, (kh, kw), (S, S), pad, (P, Q)):
        found.append((a, b, rows.start, columns.start, len(rows), len(columns), -up, -left))
    up, left = (max([0, *(-p[k] for p in found)]) for k in (6, 7))
    table = [(*p[2:6], p[6] + up, p[7] + left) for p in found]
    plan = make_plan(v, f, shape, (N, *size, C), points, 1, S, table, up, left, threads)
    n2 = (m + r - 1) ** 2
    for k, (a, b, *_) in enumerate(found):
        tap = (a + S * (r - 1)) * kw + b + S * (r - 1)  # the last one: the taps run backwards
        for o, count in slices(O, found):
            parts.append((tap * C * O + o * C, -S * kw * C * O, -S * C * O, k * n2 * plan.plane, o, count))
    return plan, np.array(parts, np.int64)


def conv2d_dx(
    v: Vector, f: Form, gy: Array, w: Array, size: Pair, stride: Pair, pad: Pad, bias: Array | None, points: int
) -> Array:
    """``reference.conv2d_dx`` by F(m, r): S² correlations of ȳ with the weight's phases, turned round."""
    kh, kw, C, O = w.shape
    plan, parts = backward_plan(v, f, gy.shape, w.shape, size, stride[0], pad, points, pool().n)
    return correlated(v, f, plan, parts, gy, (len(gy), *size, C), w, bias, turned=(kh * kw, C, O))
