"""Convolutions in fewer multiplications than taps (Winograd 1980; Lavin & Gray 2016), built from small matrices.

F(m, r): m outputs of an r-tap correlation from n = m + r − 1 products, y = Aᵀ [(G g) ∘ (Bᵀ d)]; in two dimensions each matrix
acts on both sides. Sums over channels commute with Aᵀ, so a block of tiles costs n² matrix products, one for each place.

A kernel of S·r taps and stride S is S² correlations of r taps and stride 1, one for each phase of the input, whose products
are summed before Aᵀ; its adjoint has S² phases of the output instead. The weight gradient is Gᵀ [Σ (Bᵀ d B) ∘ (A ȳ Aᵀ)] G.

    F(2,2) 9 products for 16 (no fractions);  F(4,2) 25 for 64;  F(2,3) 16 for 36;  F(4,3) 36 for 144
"""

from math import lcm
from typing import Any, NamedTuple

import numba

from tinygan.kernels.jit.compile import Int, Ints, Loop, Reals, kernel
from tinygan.kernels.jit.pack import fill_frame
from tinygan.kernels.jit.tile import product
from tinygan.kernels.jit.transpose_blocks import sandwich, transpose
from tinygan.kernels.jit.vector import Vector, at, copy
from tinygan.kernels.jit.winograd_forms import F

# Numbers between planes: a power of two apart, their stores would share one set of the cache, three times slower.
SKEW = 16
TILES = 144  # tiles of a block at most: a multiple of every tile's rows
FEW = 48  # tiles of a block at least, where blocks are made to suit the number of threads


def even(v: Vector, total: int, threads: int = 1) -> int:
    """Tiles of a block, whole tiles of the product: few blocks of one size, as many for each thread where they are not small.

    The product writes whole tiles of rows: one beyond the block would be a number of the next plane.
    """
    whole = lcm(*(v.rows(n) for n in (1, 2, 3)))
    count = max(1, -(-total // TILES))
    if total >= FEW * threads:
        count = -(-count // threads) * threads
    return -(-total // count // whole) * whole or whole


# ---------------------------------------------------------------- kernels


@kernel
def turn(v: Vector) -> Loop:
    """w (taps, C, O) → (taps, O, C), C and O multiples of the lanes. Part = a tap."""
    lanes, block = v.lanes, transpose(v)

    def run(part, thread, w: Reals, turned: Reals, C: Int, O: Int):
        for c in range(0, C, lanes):
            for o in range(0, O, lanes):
                block(at(w, part * C * O + c * O + o), O, at(turned, part * C * O + o * C + c), C)

    return run


def laying(v: Vector, m: int, r: int) -> Any:
    """G w Gᵀ of ``channels`` rows of one correlation, from its first tap in w on, to a panel of each plane from ``out`` on."""
    lanes, n = v.lanes, m + r - 1
    G = sandwich(v, F[m, r][1])

    @numba.njit(inline="always")
    def lay(w, tap, down, right, channels, O, out, plane, wide):
        for c in range(channels):
            G(at(w, tap + c * O), down, right, at(out, c * wide * lanes), n * plane, plane, wide, lanes)

    return lay


@kernel
def transform_weight(v: Vector, m: int, r: int) -> Loop:
    """(G w Gᵀ)[xi, row, column] in panels. Part = some input channels of one correlation.

    ``taps[part]``: its first tap in w, the steps between taps, its planes in ``out``, its first row there, its channels.
    """
    lanes, lay = v.lanes, laying(v, m, r)

    def run(part, thread, w: Reals, out: Reals, panels: Ints, taps: Ints, count: Int, O: Int, rows: Int, plane: Int):
        k = 6 * part
        tap, down, right, first = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        row, channels = taps[k + 4], taps[k + 5]
        for p in range(count):
            start, wide = panels[2 * p] * lanes, panels[2 * p + 1]
            target = at(out, first + rows * start + row * wide * lanes)
            lay(w, tap + start, down, right, channels, O, target, plane, wide)

    return run


class Correlate(NamedTuple):
    """The arguments of ``correlate``."""

    x: Reals  # images (N, H, W, C)
    w: Reals  # transformed, or plain where ``own`` is not 0
    y: Reals  # images (N, P, Q, O)
    bias: Reals  # filled up to the panels' whole vectors
    zero: Reals  # as many zeros
    scratch: Reals  # ``room`` numbers for each thread
    blocks: Ints  # of each block: first tile, tiles, whether it has the bias
    panels: Ints
    phases: Ints  # of each phase: first row and column in y, rows, columns, first row and column of its windows
    ia: Ints  # where each tile of a block begins in a plane of U
    ic: Ints  # and of M
    nothing: Ints  # a zero: the offset of the only tap
    taps: Ints  # as in ``transform_weight``
    own: Int
    splits: Int  # ranges of panels
    n_panels: Int  # of panels
    n_phases: Int
    S: Int  # stride of the windows
    D: Int  # distance of a phase's outputs in y
    H: Int
    W: Int
    C: Int
    O: Int
    P: Int
    Q: Int
    FH: Int  # of a frame, an image with its padding: its corner at (top, left)
    FW: Int
    top: Int
    left: Int
    TH: Int  # tiles of an image
    TW: Int
    TB: Int  # tiles of a block
    plane: Int  # numbers from one plane of the transformed weights to the next
    room: Int


@kernel
def correlate(v: Vector, m: int, r: int) -> Loop:
    """y from x and transformed weights. Part = (block of tiles, output phase, range of panels).

    Per block: U[xi] (tiles, inputs · C) = Bᵀ d B;  M[xi] = U[xi] W[xi];  y = Aᵀ M A. With ``taps`` (``own`` of them for a
    phase) w is the plain weight, of which a part transforms the panels it needs: where there is one block, no one else does.
    """
    lanes, n = v.lanes, m + r - 1
    B, A = sandwich(v, F[m, r][0]), sandwich(v, F[m, r][2])
    multiply, lay = product(v), laying(v, m, r)

    def run(part, thread, args: Correlate):
        S, D, H, W, C, O, P, Q = args.S, args.D, args.H, args.W, args.C, args.O, args.P, args.Q
        FH, FW, TH, TW, TB = args.FH, args.FW, args.TH, args.TW, args.TB
        panels, phases, taps, own, splits = args.panels, args.phases, args.taps, args.own, args.splits
        block, f, split = 3 * (part // splits // args.n_phases), part // splits % args.n_phases, part % splits
        first, tiles, shifted = args.blocks[block], args.blocks[block + 1], args.blocks[block + 2]
        row0, column0, rows, columns = phases[6 * f], phases[6 * f + 1], phases[6 * f + 2], phases[6 * f + 3]
        up, over = phases[6 * f + 4], phases[6 * f + 5]
        p0, p1 = split * args.n_panels // splits, (split + 1) * args.n_panels // splits
        o0, vectors = panels[2 * p0] * lanes, panels[2 * p1 - 2] + panels[2 * p1 - 1] - panels[2 * p0]
        inputs = S * S
        K = inputs * C
        u_plane, m_plane = TB * K + SKEW, TB * O + SKEW
        U = at(args.scratch, thread * args.room)
        M = at(U, n * n * u_plane)
        frame = at(M, n * n * m_plane)
        spare = at(frame, FH * FW * C)
        last = -1
        for i in range(tiles):
            image, tile = (first + i) // (TH * TW), (first + i) % (TH * TW)
            if image != last:
                last = image
                fill_frame(at(args.x, image * H * W * C), H, W, C, 0, C, frame, FH, FW, args.top, args.left)
            i0, j0 = tile // TW * m * S + up, tile % TW * m * S + over
            for p in range(inputs):
                d = at(frame, ((i0 + p // S) * FW + j0 + p % S) * C)
                B(d, S * FW * C, S * C, at(U, i * K + p * C), n * u_plane, u_plane, C // lanes, lanes)
        weights, w_plane, step = at(args.w, f * n * n * args.plane), args.plane, p1 - p0
        if own:
            weights, w_plane, step = at(spare, m * m * O), 3 * lanes * K + SKEW, 1
        for p in range(p0, p1, step):
            planes = weights
            if own:
                start, wide = panels[2 * p] * lanes, panels[2 * p + 1]
                for k in range(6 * own * f, 6 * own * (f + 1), 6):
                    target = at(weights, taps[k + 4] * wide * lanes)
                    lay(args.w, taps[k] + start, taps[k + 1], taps[k + 2], taps[k + 5], O, target, w_plane, wide)
                planes = at(weights, -K * start)  # as if the panels before it were there
            for xi in range(n * n):
                b = args.bias if shifted and xi == n + 1 else args.zero
                a, panel, target = at(U, xi * u_plane), at(planes, xi * w_plane), at(M, xi * m_plane)
                multiply(a, panel, target, b, args.ia, args.ic, args.nothing, 1, K, tiles, panels, p, p + step, O)
        for i in range(tiles):
            image, tile = (first + i) // (TH * TW), (first + i) % (TH * TW)
            i0, j0 = tile // TW * m, tile % TW * m
            h, k = min(m, rows - i0), min(m, columns - j0)
            out = at(args.y, ((image * P + row0 + i0 * D) * Q + column0 + j0 * D) * O + o0)
            if h == m and k == m:
                A(at(M, i * O + o0), n * m_plane, m_plane, out, D * Q * O, D * O, vectors, lanes)
            elif h > 0 and k > 0:
                A(at(M, i * O + o0), n * m_plane, m_plane, spare, m * O, O, vectors, lanes)
                for i1 in range(h):
                    for j1 in range(k):
                        copy(at(spare, (i1 * m + j1) * O), at(out, (i1 * Q + j1) * D * O), vectors * lanes)

    return run
