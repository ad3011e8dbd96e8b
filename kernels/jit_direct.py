"""Convolutions as implicit matrix products: y from x and w, x̄ from ȳ and w (``correlate``), w̄ from x and ȳ (``contract``).

No matrix of patches is made. A tile's rows are output pixels, which lie anywhere in a frame (an image with its padding); a table
says where, and the sums run over kernel rows and, within one, over kw·C neighbouring numbers.
x̄ of stride s is s·s convolutions of ȳ of stride 1, one for each phase of x̄'s pixels, so that each x̄ is written once.
"""

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from tinygan.kernels import jit_pool
from tinygan.kernels.jit_build import Int, Ints, Reals, kernel
from tinygan.kernels.jit_memory import empty
from tinygan.kernels.jit_pack import fill_frame, pack, pack_transposed, panels
from tinygan.kernels.jit_vector import at, clear
from tinygan.kernels.reference import phase, shift

FRAMES = 1 << 18  # bytes of frames that a thread holds at a time: half of a second-level cache
CHUNK = 192  # pixels of the weight gradient's inner loop: their panel stays in a first-level cache
SPARE = 16  # rows that a tile may read past the last one: the tables repeat it


@kernel
def correlate(v):
    """y[pixel, o] = start[o] + Σ_{t, k} frame[ia[pixel] + taps[t] + k] w[t, k, o]. Part = (group of images, range of panels)."""
    t1, t2, t3 = (v.tile(v.rows(n), n) for n in (1, 2, 3))
    r1, r2, r3 = (v.rows(n) for n in (1, 2, 3))
    lanes = v.lanes

    def run(
        part, thread, x: Reals, w: Reals, y: Reals, bias: Reals, zero: Reals, frames: Reals,
        groups: Ints, panels: Ints, phases: Ints, ia: Ints, ic: Ints, taps: Ints,
        splits: Int, n_panels: Int, n_phases: Int, framed: Int, H: Int, W: Int, C: Int,
        FH: Int, FW: Int, top: Int, left: Int, out: Int, O: Int, room: Int
    ):  # fmt: skip
        group, split = part // splits * 4, part % splits
        first, count, table, shifted = groups[group], groups[group + 1], groups[group + 2], groups[group + 3]
        a = at(x, first * H * W * C)
        if framed:
            a = at(frames, thread * room)
            for i in range(count):
                image = at(x, (first + i) * H * W * C)
                fill_frame(image, H, W, C, 0, C, at(a, i * FH * FW * C), FH, FW, top, left)
        b = bias if shifted else zero
        for f in range(table * n_phases * 6, (table + 1) * n_phases * 6, 6):
            row, rows, tap, T, K = phases[f], phases[f + 1], at(taps, phases[f + 2]), phases[f + 3], phases[f + 4]
            for p in range(split * n_panels // splits, (split + 1) * n_panels // splits):
                s, wide = panels[2 * p] * lanes, panels[2 * p + 1]
                panel, start, c = at(w, phases[f + 5] + T * K * s), at(b, s), at(y, first * out + s)
                if wide == 3:
                    for q in range(row, row + rows, r3):
                        t3(a, panel, c, start, at(ia, q), at(ic, q), tap, T, K, O - s)
                elif wide == 2:
                    for q in range(row, row + rows, r2):
                        t2(a, panel, c, start, at(ia, q), at(ic, q), tap, T, K, O - s)
                else:
                    for q in range(row, row + rows, r1):
                        t1(a, panel, c, start, at(ia, q), at(ic, q), tap, T, K, O - s)

    return run


@kernel
def contract(v):
    """w̄[row block] = Σ_pixels x[pixel + tap, c] ȳ[pixel]. Part = (range of images, range of row blocks): it owns its rows."""
    R = v.channel_rows
    o1, o2, o3 = (v.outer(R, n, accumulate=True) for n in (1, 2, 3))
    lanes = v.lanes

    def run(
        part, thread, x: Reals, g: Reals, q: Reals, units: Ints, panels: Ints, ix: Ints, ig: Ints,
        begin: Ints, splits: Int, n_units: Int, n_panels: Int, length: Int, ranges: Int,
        chunks: Int, blocks: Int, size: Int, per_chunk: Int, images: Int, step: Int, rows: Int, image: Int
    ):  # fmt: skip
        own, split = part // splits, part % splits
        u0, u1 = split * n_units // splits, (split + 1) * n_units // splits
        target = at(q, own * rows * step)
        clear(at(target, units[3 * u0 + 1] * step), (u1 - u0) * R * step)
        for chunk in range(own * chunks // ranges, (own + 1) * chunks // ranges):
            present = min(per_chunk, images - chunk * per_chunk)
            a = at(x, chunk * per_chunk * image)
            for block in range(blocks):
                packed = at(g, (chunk * blocks + block) * size * step)
                for p in range(n_panels):
                    s, wide = panels[2 * p] * lanes, panels[2 * p + 1]
                    table = at(ig, (wide - 1) * length)
                    b = at(packed, size * s)
                    for u in range(u0, u1):
                        k = units[3 * u + 2] * (blocks + 2)
                        k0, k1 = begin[k + block], begin[k + block + 1]
                        k1 = min(k1, begin[k] + begin[k + blocks + 1] * present)
                        if k0 < k1:
                            c = at(target, units[3 * u + 1] * step + s)
                            if wide == 3:
                                o3(at(a, units[3 * u]), b, c, step, at(ix, k0), at(table, k0), k1 - k0)
                            elif wide == 2:
                                o2(at(a, units[3 * u]), b, c, step, at(ix, k0), at(table, k0), k1 - k0)
                            else:
                                o1(at(a, units[3 * u]), b, c, step, at(ix, k0), at(table, k0), k1 - k0)

    return run


# ---------------------------------------------------------------- y from x, and x̄ from ȳ


class Phase(NamedTuple):
    """One convolution of stride ``step`` over the frame: outputs out_rows x out_columns (slices) of y's image."""

    out_rows: range
    out_columns: range
    from_row: int  # where in the frame the first output's window begins
    from_column: int
    kernel: tuple[int, int]


class Plan(NamedTuple):
    """The tables of ``correlate`` for one shape."""

    numbers: tuple[int, ...]
    groups: np.ndarray
    panels: np.ndarray
    phases: np.ndarray
    ia: np.ndarray
    ic: np.ndarray
    taps: np.ndarray
    room: int
    packed: int
    full: bool  # every output is in a phase


def correlated(v, x, pack_weight, plan, shape, bias, points):
    """y of ``shape``, by ``plan``; ``pack_weight(packed)`` fills the panels."""
    y = empty(shape, x.dtype)
    if not plan.full:
        y[:] = 0
        shift(y, bias, points)
    packed = empty((plan.packed,), x.dtype)
    pack_weight(packed)
    start, zero = bias_rows(v, bias, plan.panels, shape[3], x.dtype)
    threads = jit_pool.pool().n
    n_panels, groups = len(plan.panels), len(plan.groups)
    splits = min(n_panels, -(-2 * threads // groups))
    frames = empty((threads * plan.room,), x.dtype)
    numbers = splits, n_panels, *plan.numbers
    tables = plan.groups, plan.panels, plan.phases, plan.ia, plan.ic, plan.taps
    correlate(v, groups * splits, x, packed, y, start, zero, frames, *tables, *numbers)
    return y


def bias_rows(v, bias, panels, O, dtype):
    """The bias, filled up to whole vectors, and as many zeros."""
    rows = np.zeros((2, int(panels[-1].sum()) * v.lanes), dtype)
    if bias is not None:
        rows[0, :O] = bias
    return rows[0], rows[1]


def make_plan(v, x_shape, points, y_size, O, phases, step, frame, origin):
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
            i, j = np.arange(len(f.out_rows)) * step[0] + f.from_row, np.arange(len(f.out_columns)) * step[1] + f.from_column
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

    def whole(a):
        return np.array(a, np.int64).reshape(-1)

    return Plan(
        (len(phases), int(framed), H, W, C, FH, FW, top, left, y_size[0] * y_size[1] * O, O, size * per_group),
        whole(groups).reshape(-1, 4), panels(O, v.lanes)[0], whole(table),
        np.concatenate(ia), np.concatenate(ic), np.concatenate(taps),
        size * per_group if framed else 0, packed, written == y_size[0] * y_size[1],
    )  # fmt: skip


@lru_cache(512)
def forward_plan(v, shape, O, kernel, stride, pad, points):
    N, H, W, C = shape
    (top, bottom), (left, right) = pad
    FH, FW = H + top + bottom, W + left + right
    size = (FH - kernel[0]) // stride[0] + 1, (FW - kernel[1]) // stride[1] + 1
    phases = [Phase(range(size[0]), range(size[1]), 0, 0, kernel)]
    return make_plan(v, shape, points, size, O, phases, stride, (FH, FW), (top, left)), size


def conv2d(v, x, w, stride, pad, bias, points):
    """The direct form of ``reference.conv2d``."""
    kh, kw, C, O = w.shape
    points = len(x) if points is None else points
    plan, size = forward_plan(v, x.shape, O, (kh, kw), stride, pad, points)
    cut = plan.panels, len(plan.panels)
    rows = kh * kw * C

    def packing(packed):
        pack(v, 1, w, packed, *cut, O, rows, rows, 1, rows)

    return correlated(v, x, packing, plan, (len(x), *size, O), bias, points)


@lru_cache(512)
def backward_plan(v, shape, C, kernel, size, stride, pad, points):
    """Phases with their taps: rows of x̄ that meet the same taps of w, and where their windows of ȳ begin."""
    N, P, Q, O = shape
    found, places = [], []
    for a, b in product(range(min(stride[0], kernel[0])), range(min(stride[1], kernel[1]))):
        taps = len(range(a, kernel[0], stride[0])), len(range(b, kernel[1], stride[1]))
        rows, up, _ = phase(a, taps[0], size[0], stride[0], pad[0][0], P)
        columns, left, _ = phase(b, taps[1], size[1], stride[1], pad[1][0], Q)
        rows, columns = range(size[0])[rows], range(size[1])[columns]
        if rows and columns:
            found.append((rows, columns, -up, -left, taps, a, b))
    top, left = (max([0, *(-f[k] for f in found)]) for k in (2, 3))
    bottom = max([P, *(f[2] + len(f[0]) + f[4][0] - 1 for f in found)])
    right = max([Q, *(f[3] + len(f[1]) + f[4][1] - 1 for f in found)])
    phases = [Phase(f[0], f[1], f[2] + top, f[3] + left, f[4]) for f in found]
    plan = make_plan(v, shape, points, size, C, phases, (1, 1), (top + bottom, left + right), (top, left))
    start, vectors = 0, panels(C, v.lanes)[1]
    for *_, (th, tw), a, b in found:
        for i, j in product(range(th), range(tw)):
            tap = (a + stride[0] * (th - 1 - i)) * kernel[1] + b + stride[1] * (tw - 1 - j)
            places.append((tap * C * O, start, (i * tw + j) * O, th * tw * O))
        start += th * tw * O * vectors * v.lanes
    return plan, np.array(places, np.int64)


def conv2d_dx(v, gy, w, size, stride, pad, bias, points):
    """The direct form of ``reference.conv2d_dx``."""
    kh, kw, C, O = w.shape
    points = len(gy) if points is None else points
    plan, places = backward_plan(v, gy.shape, C, (kh, kw), size, stride, pad, points)

    def packing(packed):
        pack_transposed(v, len(places), w, packed, plan.panels, len(plan.panels), C, O, places)

    return correlated(v, gy, packing, plan, (len(gy), *size, C), bias, points)


# ---------------------------------------------------------------- w̄ from x and ȳ


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
def lists(v, shape, O, kernel, stride, pad, out, framed):
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
    ranges = 4 if weights <= FRAMES and P * Q >= 128 and N >= 8 else 1
    return Lists(
        np.array(units, np.int64), np.concatenate(ix).astype(np.int64),
        np.concatenate([index * k * v.lanes for k in (1, 2, 3)]).astype(np.int64), np.array(begin, np.int64),
        kh * row, per_chunk, blocks, size, ranges,
    )  # fmt: skip


def conv2d_dw(v, x, gy, kernel, stride, pad):
    """The direct form of ``reference.conv2d_dw``."""
    (N, H, W, C), (_, P, Q, O), (kh, kw) = x.shape, gy.shape, kernel
    framed = C % v.channel_rows != 0
    if framed:
        x = frame(x, pad, v.channel_rows)
        H, W = H + sum(pad[0]), W + sum(pad[1])
    t = lists(v, (N, H, W, C), O, kernel, stride, pad, (P, Q), framed)
    cut, vectors = panels(O, v.lanes)
    chunks, step = -(-N // t.per_chunk), vectors * v.lanes
    packed = empty((chunks * t.blocks * t.size * step,), gy.dtype)
    pack(v, chunks * t.blocks, gy, packed, cut, len(cut), O, N * P * Q, t.per_chunk * P * Q, t.blocks, t.size)
    whole = t.rows == kh * kw * C and step == O
    gw = empty((t.ranges, t.rows, step), x.dtype)
    splits = min(len(t.units), -(-4 * jit_pool.pool().n // t.ranges))
    contract(
        v, t.ranges * splits, x, packed, gw, t.units, cut, t.ix, t.ig, t.begin, splits, len(t.units), len(cut),
        len(t.ix), t.ranges, chunks, t.blocks, t.size, t.per_chunk, N, step, t.rows, H * W * C,
    )  # fmt: skip
    total = gw[0] if t.ranges == 1 else gw.sum(axis=0)
    if whole:
        return total.reshape(kh, kw, C, O)
    return np.ascontiguousarray(total.reshape(kh, -1, step)[:, : kw * C, :O]).reshape(kh, kw, C, O)


def frame(x, pad, spare):
    """x in its padding, contiguous, with ``spare`` more numbers behind it."""
    (top, bottom), (left, right) = pad
    N, H, W, C = x.shape
    shape = N, H + top + bottom, W + left + right, C
    flat = np.zeros(int(np.prod(shape)) + spare, x.dtype)
    y = flat[: flat.size - spare].reshape(shape)
    rows, columns = slice(max(top, 0), top + H + min(bottom, 0)), slice(max(left, 0), left + W + min(right, 0))
    y[:, rows, columns] = x[:, max(-top, 0) : H - max(-bottom, 0), max(-left, 0) : W - max(-right, 0)]
    return y
