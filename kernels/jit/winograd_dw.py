"""The weight gradient by Winograd's algorithm: w̄ = Gᵀ [Σ (Bᵀ d B) ∘ (A ȳ Aᵀ)] G, the sum over all tiles."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tinygan.kernels.jit.compile import Int, Ints, Loop, Reals, kernel
from tinygan.kernels.jit.memory import empty, workspace
from tinygan.kernels.jit.pack import fill_frame, panels
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.tile import outer_sum
from tinygan.kernels.jit.transpose_blocks import sandwich
from tinygan.kernels.jit.vector import Vector, at
from tinygan.kernels.jit.winograd_forms import F, Form, Matrix
from tinygan.kernels.jit.winograd_kernels import SKEW, even
from tinygan.kernels.shapes import Array, Pad, Pair


def transposed(M: Matrix) -> Matrix:
    return [list(row) for row in zip(*M, strict=True)]


class Contract(NamedTuple):
    """The arguments of ``contract``."""

    x: Reals  # images (N, H, W, C)
    gy: Reals  # images (N, P, Q, O)
    gw: Reals  # (S r, S r, C, O)
    scratch: Reals  # ``room`` numbers for each thread
    panels: Ints
    ix: Ints  # where each tile of a block begins in a vector's rows of U
    ig: Ints  # and in a panel of 1, 2 and 3 vectors: TB numbers each
    n_panels: Int  # of panels
    splits: Int  # ranges of panels
    slices: Int  # ranges of input channels
    total: Int  # tiles
    S: Int  # stride of the windows
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
    room: Int


@kernel
def contract(v: Vector, m: int, r: int) -> Loop:
    """w̄ = Gᵀ [Σ_tiles (Bᵀ d B) ∘ (A ȳ Aᵀ)] G. Part = (range of panels, range of input channels)."""
    lanes, n, R = v.lanes, m + r - 1, v.channel_rows
    B, Z, G = (sandwich(v, M) for M in (F[m, r][0], transposed(F[m, r][2]), transposed(F[m, r][1])))
    add = outer_sum(v)

    def run(part, thread, args: Contract):
        S, H, W, C, O, P, Q = args.S, args.H, args.W, args.C, args.O, args.P, args.Q
        FH, FW, TH, TW, TB = args.FH, args.FW, args.TH, args.TW, args.TB
        panels, splits, slices, ix, ig = args.panels, args.splits, args.slices, args.ix, args.ig
        split, piece, vectors = part // slices, part % slices, C // lanes
        c0, c1 = piece * vectors // slices * lanes, (piece + 1) * vectors // slices * lanes
        p0, p1 = split * args.n_panels // splits, (split + 1) * args.n_panels // splits
        o0, o1 = panels[2 * p0] * lanes, (panels[2 * p1 - 2] + panels[2 * p1 - 1]) * lanes
        CT, OT, inputs, width = c1 - c0, o1 - o0, S * S, S * r
        K = inputs * CT
        u_plane, z_plane, plane = TB * K + SKEW, TB * OT + SKEW, K * OT + SKEW
        U = at(args.scratch, thread * args.room)
        V = at(U, n * n * u_plane)
        q = at(V, n * n * z_plane)
        frame = at(q, n * n * plane)
        g_frame = at(frame, FH * FW * CT)
        framed = TH * m > P or TW * m > Q
        last, g_image, g_columns, g_pixel = -1, args.gy, Q, O
        for first in range(0, args.total, TB):
            tiles = min(TB, args.total - first)
            for i in range(tiles):
                image, tile = (first + i) // (TH * TW), (first + i) % (TH * TW)
                if image != last:
                    last = image
                    fill_frame(at(args.x, image * H * W * C), H, W, C, c0, CT, frame, FH, FW, args.top, args.left)
                    g_image = at(args.gy, image * P * Q * O + o0)
                    if framed:
                        fill_frame(at(args.gy, image * P * Q * O), P, Q, O, o0, OT, g_frame, TH * m, TW * m, 0, 0)
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
            target = at(args.gw, ((p // S * width + p % S) * C + c0 + k % CT) * O + o0)
            G(at(q, k * OT), n * plane, plane, target, S * width * C * O, S * C * O, OT // lanes, lanes)

    return run


@lru_cache(512)
def lists(lanes: int, tiles: int) -> tuple[Array, Array]:
    """Where the tiles of a block lie in U and in the panels of 1, 2 and 3 vectors."""
    tile = np.arange(tiles) * lanes
    return tile, np.concatenate([tile * k for k in (1, 2, 3)])


def conv2d_dw(v: Vector, f: Form, x: Array, gy: Array, stride: Pair, pad: Pad) -> Array:
    """``reference.conv2d_dw`` by F(m, r). A part sums over all tiles, in order."""
    (m, r), S, (N, H, W, C), (_, P, Q, O) = f, stride[0], x.shape, gy.shape
    n, wanted, cut = m + r - 1, 2 * pool().n, panels(O, v.lanes)[0]
    TH, TW = -(-P // m), -(-Q // m)
    FH, FW = S * (TH * m + r - 1), S * (TW * m + r - 1)
    slices = min(C // v.lanes, wanted)
    splits = min(len(cut), -(-wanted // slices))
    K, OT = S * S * -(-C // v.lanes // slices) * v.lanes, min(O, -(-len(cut) // splits) * 3 * v.lanes)
    total = N * TH * TW
    TB = even(v, total)
    room = n * n * (TB * (K + OT) + K * OT + 3 * SKEW) + FH * FW * K // (S * S) + TH * m * TW * m * OT
    (scratch,) = workspace(x.dtype, pool().n * room)
    gw = empty((S * r, S * r, C, O), x.dtype)
    ix, ig = lists(v.lanes, TB)
    args = Contract(
        x=x, gy=gy, gw=gw, scratch=scratch, panels=cut, ix=ix, ig=ig, n_panels=len(cut), splits=splits, slices=slices,
        total=total, S=S, H=H, W=W, C=C, O=O, P=P, Q=Q, FH=FH, FW=FW, top=pad[0][0], left=pad[1][0], TH=TH, TW=TW, TB=TB,
        room=room,
    )  # fmt: skip
    contract(v, splits * slices, args, static=f)
    return gw
