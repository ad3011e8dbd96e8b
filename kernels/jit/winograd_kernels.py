"""Convolutions in fewer multiplications than taps (Winograd 1980; Lavin & Gray 2016), built from small matrices.

F(m, r): m outputs of an r-tap correlation from n = m + r − 1 products, y = Aᵀ [(G g) ∘ (Bᵀ d)]; in two dimensions each matrix
acts on both sides. Sums over channels commute with Aᵀ, so a block of tiles costs n² matrix products, one for each place.

A kernel of S·r taps and stride S is S² correlations of r taps and stride 1, one for each phase of the input, whose products
are summed before Aᵀ; its adjoint has S² phases of the output instead. The weight gradient is Gᵀ [Σ (Bᵀ d B) ∘ (A ȳ Aᵀ)] G.

    F(2,2) 9 products for 16 (no fractions);  F(4,2) 25 for 64;  F(2,3) 16 for 36;  F(4,3) 36 for 144
"""

import numba

from tinygan.kernels.jit.compile import Int, Ints, Reals, kernel
from tinygan.kernels.jit.pack import fill_frame
from tinygan.kernels.jit.tile import outer_sum, product
from tinygan.kernels.jit.transpose_blocks import sandwich, transpose
from tinygan.kernels.jit.vector import at, copy
from tinygan.kernels.jit.winograd_forms import F

# Numbers between planes: a power of two apart, their stores would share one set of the cache, three times slower.
SKEW = 16


def transposed(M):
    return [list(row) for row in zip(*M, strict=True)]


# ---------------------------------------------------------------- kernels


@kernel
def turn(v):
    """w (taps, C, O) → (taps, O, C), C and O multiples of the lanes. Part = a tap."""
    lanes, block = v.lanes, transpose(v)

    def run(part, thread, w: Reals, turned: Reals, C: Int, O: Int):
        for c in range(0, C, lanes):
            for o in range(0, O, lanes):
                block(at(w, part * C * O + c * O + o), O, at(turned, part * C * O + o * C + c), C)

    return run


def laying(v, m, r):
    """G w Gᵀ of ``channels`` rows of one correlation, from its first tap in w on, to a panel of each plane from ``out`` on."""
    lanes, n = v.lanes, m + r - 1
    G = sandwich(v, F[m, r][1])

    @numba.njit(inline="always")
    def lay(w, tap, down, right, channels, O, out, plane, wide):
        for c in range(channels):
            G(at(w, tap + c * O), down, right, at(out, c * wide * lanes), n * plane, plane, wide, lanes)

    return lay


@kernel
def transform_weight(v, m, r):
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


@kernel
def correlate(v, m, r):
    """y from x and transformed weights. Part = (block of tiles, output phase, range of panels).

    Per block: U[xi] (tiles, inputs · C) = Bᵀ d B;  M[xi] = U[xi] W[xi];  y = Aᵀ M A. With ``taps`` (``own`` of them for a
    phase) w is the plain weight, of which a part transforms the panels it needs: where there is one block, no one else does.
    """
    lanes, n = v.lanes, m + r - 1
    B, A = sandwich(v, F[m, r][0]), sandwich(v, F[m, r][2])
    multiply, lay = product(v), laying(v, m, r)

    def run(
        part, thread, x: Reals, w: Reals, y: Reals, bias: Reals, zero: Reals, scratch: Reals, blocks: Ints, panels: Ints,
        phases: Ints, ia: Ints, ic: Ints, nothing: Ints, taps: Ints, own: Int, splits: Int, count: Int, n_phases: Int, S: Int,
        D: Int, H: Int, W: Int, C: Int, O: Int, P: Int, Q: Int, FH: Int, FW: Int, top: Int, left: Int, TH: Int, TW: Int,
        TB: Int, plane: Int, room: Int
    ):  # fmt: skip
        block, f, split = 3 * (part // splits // n_phases), part // splits % n_phases, part % splits
        first, tiles, shifted = blocks[block], blocks[block + 1], blocks[block + 2]
        row0, column0, rows, columns = phases[6 * f], phases[6 * f + 1], phases[6 * f + 2], phases[6 * f + 3]
        up, over = phases[6 * f + 4], phases[6 * f + 5]
        p0, p1 = split * count // splits, (split + 1) * count // splits
        o0, vectors = panels[2 * p0] * lanes, panels[2 * p1 - 2] + panels[2 * p1 - 1] - panels[2 * p0]
        inputs = S * S
        K = inputs * C
        u_plane, m_plane = TB * K + SKEW, TB * O + SKEW
        U = at(scratch, thread * room)
        M = at(U, n * n * u_plane)
        frame = at(M, n * n * m_plane)
        spare = at(frame, FH * FW * C)
        last = -1
        for i in range(tiles):
            image, tile = (first + i) // (TH * TW), (first + i) % (TH * TW)
            if image != last:
                last = image
                fill_frame(at(x, image * H * W * C), H, W, C, 0, C, frame, FH, FW, top, left)
            i0, j0 = tile // TW * m * S + up, tile % TW * m * S + over
            for p in range(inputs):
                d = at(frame, ((i0 + p // S) * FW + j0 + p % S) * C)
                B(d, S * FW * C, S * C, at(U, i * K + p * C), n * u_plane, u_plane, C // lanes, lanes)
        weights, w_plane, step = at(w, f * n * n * plane), plane, p1 - p0
        if own:
            weights, w_plane, step = at(spare, m * m * O), 3 * lanes * K + SKEW, 1
        for p in range(p0, p1, step):
            planes = weights
            if own:
                start, wide = panels[2 * p] * lanes, panels[2 * p + 1]
                for k in range(6 * own * f, 6 * own * (f + 1), 6):
                    target = at(weights, taps[k + 4] * wide * lanes)
                    lay(w, taps[k] + start, taps[k + 1], taps[k + 2], taps[k + 5], O, target, w_plane, wide)
                planes = at(weights, -K * start)  # as if the panels before it were there
            for xi in range(n * n):
                b = bias if shifted and xi == n + 1 else zero
                a, panel, target = at(U, xi * u_plane), at(planes, xi * w_plane), at(M, xi * m_plane)
                multiply(a, panel, target, b, ia, ic, nothing, 1, K, tiles, panels, p, p + step, O)
        for i in range(tiles):
            image, tile = (first + i) // (TH * TW), (first + i) % (TH * TW)
            i0, j0 = tile // TW * m, tile % TW * m
            h, k = min(m, rows - i0), min(m, columns - j0)
            out = at(y, ((image * P + row0 + i0 * D) * Q + column0 + j0 * D) * O + o0)
            if h == m and k == m:
                A(at(M, i * O + o0), n * m_plane, m_plane, out, D * Q * O, D * O, vectors, lanes)
            elif h > 0 and k > 0:
                A(at(M, i * O + o0), n * m_plane, m_plane, spare, m * O, O, vectors, lanes)
                for i1 in range(h):
                    for j1 in range(k):
                        copy(at(spare, (i1 * m + j1) * O), at(out, (i1 * Q + j1) * D * O), vectors * lanes)

    return run


@kernel
def contract(v, m, r):
    """w̄ = Gᵀ [Σ_tiles (Bᵀ d B) ∘ (A ȳ Aᵀ)] G. Part = (range of panels, range of input channels)."""
    lanes, n, R = v.lanes, m + r - 1, v.channel_rows
    B, Z, G = (sandwich(v, M) for M in (F[m, r][0], transposed(F[m, r][2]), transposed(F[m, r][1])))
    add = outer_sum(v)

    def run(
        part, thread, x: Reals, gy: Reals, gw: Reals, scratch: Reals, panels: Ints, ix: Ints, ig: Ints, count: Int,
        splits: Int, slices: Int, total: Int, S: Int, H: Int, W: Int, C: Int, O: Int, P: Int, Q: Int, FH: Int, FW: Int,
        top: Int, left: Int, TH: Int, TW: Int, TB: Int, room: Int
    ):  # fmt: skip
        split, piece, vectors = part // slices, part % slices, C // lanes
        c0, c1 = piece * vectors // slices * lanes, (piece + 1) * vectors // slices * lanes
        p0, p1 = split * count // splits, (split + 1) * count // splits
        o0, o1 = panels[2 * p0] * lanes, (panels[2 * p1 - 2] + panels[2 * p1 - 1]) * lanes
        CT, OT, inputs, width = c1 - c0, o1 - o0, S * S, S * r
        K = inputs * CT
        u_plane, z_plane, plane = TB * K + SKEW, TB * OT + SKEW, K * OT + SKEW
        U = at(scratch, thread * room)
        V = at(U, n * n * u_plane)
        q = at(V, n * n * z_plane)
        frame = at(q, n * n * plane)
        g_frame = at(frame, FH * FW * CT)
        framed = TH * m > P or TW * m > Q
        last, g_image, g_columns, g_pixel = -1, gy, Q, O
        for first in range(0, total, TB):
            tiles = min(TB, total - first)
            for i in range(tiles):
                image, tile = (first + i) // (TH * TW), (first + i) % (TH * TW)
                if image != last:
                    last = image
                    fill_frame(at(x, image * H * W * C), H, W, C, c0, CT, frame, FH, FW, top, left)
                    g_image = at(gy, image * P * Q * O + o0)
                    if framed:
                        fill_frame(at(gy, image * P * Q * O), P, Q, O, o0, OT, g_frame, TH * m, TW * m, 0, 0)
                        g_image, g_columns, g_pixel = g_frame, TW * m, OT
                i0, j0 = tile // TW * m, tile % TW * m
                for p in range(inputs):
                    d = at(frame, ((i0 * S + p // S) * FW + j0 * S + p % S) * CT)
                    u = at(U, p * CT * TB + i * lanes)
                    B(d, S * FW * CT, S * CT, u, n * u_plane, u_plane, CT // lanes, TB * lanes)
                for p in range(p0, p1):
                    s, wide = panels[2 * p] * lanes - o0, panels[2 * p + 1]
                    g = at(g_image, (i0 * g_columns + j0) * g_pixel + s)
                    Z(
                        g,
                        g_columns * g_pixel,
                        g_pixel,
                        at(V, TB * s + i * wide * lanes),
                        n * z_plane,
                        z_plane,
                        wide,
                        lanes,
                    )
            for xi in range(n * n):
                for p in range(p0, p1):
                    s, wide = panels[2 * p] * lanes - o0, panels[2 * p + 1]
                    b = at(V, xi * z_plane + TB * s)
                    for k in range(0, K, R):
                        a = at(U, xi * u_plane + k // lanes * lanes * TB + k % lanes)
                        add(wide, a, b, at(q, xi * plane + k * OT + s), OT, ix, at(ig, (wide - 1) * TB), tiles, first)
        for k in range(K):
            p = k // CT
            target = at(gw, ((p // S * width + p % S) * C + c0 + k % CT) * O + o0)
            G(at(q, k * OT), n * plane, plane, target, S * width * C * O, S * C * O, OT // lanes, lanes)

    return run
