"""Convolutions as implicit matrix products: y from x and w, x̄ from ȳ and w (``correlate``), w̄ from x and ȳ (``contract``).

No matrix of patches is made. A tile's rows are output pixels, which lie anywhere in a frame (an image with its
padding); a table says where, and the sums run over kernel rows and, within one, over kw·C neighbouring numbers.
"""

from typing import NamedTuple

from tinygan.kernels.jit.compile import Int, Ints, Loop, Reals, kernel
from tinygan.kernels.jit.pack import fill_frame
from tinygan.kernels.jit.tile import outer_sum, product
from tinygan.kernels.jit.vector import Vector, at, clear


class Correlate(NamedTuple):
    """The arguments of ``correlate``."""

    x: Reals  # images (N, H, W, C)
    w: Reals  # weights in panels, phase after phase
    y: Reals  # images of ``out`` numbers
    bias: Reals  # filled up to the panels' whole vectors
    zero: Reals  # as many zeros
    frames: Reals  # ``room`` numbers for each thread
    groups: Ints  # of each group: first image, images, which of the tables, whether it has the bias
    panels: Ints
    phases: Ints  # of each phase: first of its rows, rows, first of its taps, taps, numbers of a tap, its panels in w
    ia: Ints  # where each row begins in the frame
    ic: Ints  # and in y
    taps: Ints
    splits: Int  # ranges of panels
    n_panels: Int
    n_phases: Int
    framed: Int  # whether images are copied into frames (FH, FW), their corner at (top, left)
    H: Int
    W: Int
    C: Int
    FH: Int
    FW: Int
    top: Int
    left: Int
    out: Int
    O: Int
    room: Int


@kernel
def correlate(v: Vector) -> Loop:
    """y[pixel, o] = start[o] + Σ_tk frame[ia[pixel] + taps[t] + k] w[t, k, o]. Part = (group of images, range of panels)."""
    multiply = product(v)

    def run(part, thread, args: Correlate):
        H, W, C, FH, FW = args.H, args.W, args.C, args.FH, args.FW
        group, split = part // args.splits * 4, part % args.splits
        first, count, table, shifted = (
            args.groups[group],
            args.groups[group + 1],
            args.groups[group + 2],
            args.groups[group + 3],
        )
        a = at(args.x, first * H * W * C)
        if args.framed:
            a = at(args.frames, thread * args.room)
            for i in range(count):
                image = at(args.x, (first + i) * H * W * C)
                fill_frame(image, H, W, C, 0, C, at(a, i * FH * FW * C), FH, FW, args.top, args.left)
        b = args.bias if shifted else args.zero
        phases = args.phases
        for f in range(table * args.n_phases * 6, (table + 1) * args.n_phases * 6, 6):
            row, rows, tap, T, K = phases[f], phases[f + 1], at(args.taps, phases[f + 2]), phases[f + 3], phases[f + 4]
            p0, p1 = split * args.n_panels // args.splits, (split + 1) * args.n_panels // args.splits
            panel, c = at(args.w, phases[f + 5]), at(args.y, first * args.out)
            multiply(a, panel, c, b, at(args.ia, row), at(args.ic, row), tap, T, K, rows, args.panels, p0, p1, args.O)

    return run


class Contract(NamedTuple):
    """The arguments of ``contract``."""

    x: Reals  # images of ``image`` numbers
    g: Reals  # ȳ in panels, block after block of ``size`` pixels
    q: Reals  # sums (ranges, rows, step)
    units: Ints  # of each row block: where it begins in x, its row in q, which list of pixels
    panels: Ints
    ix: Ints  # where each pixel of the lists begins in x
    ig: Ints  # and in a panel of 1, 2 and 3 vectors: ``length`` numbers each
    begin: Ints  # of each list: where its blocks begin, where the last one ends, pixels of an image
    splits: Int  # ranges of row blocks
    n_units: Int
    n_panels: Int
    length: Int
    ranges: Int  # of chunks
    chunks: Int  # of ``per_chunk`` images
    blocks: Int  # of a chunk
    size: Int
    per_chunk: Int
    images: Int
    step: Int
    rows: Int
    image: Int


@kernel
def contract(v: Vector) -> Loop:
    """w̄[row block] = Σ_pixels x[pixel + tap, c] ȳ[pixel]. Part = (range of images, range of row blocks): it owns its rows."""
    R = v.channel_rows
    lanes, add = v.lanes, outer_sum(v)

    def run(part, thread, args: Contract):
        units, begin, blocks, step = args.units, args.begin, args.blocks, args.step
        own, split = part // args.splits, part % args.splits
        u0, u1 = split * args.n_units // args.splits, (split + 1) * args.n_units // args.splits
        target = at(args.q, own * args.rows * step)
        clear(at(target, units[3 * u0 + 1] * step), (u1 - u0) * R * step)
        for chunk in range(own * args.chunks // args.ranges, (own + 1) * args.chunks // args.ranges):
            present = min(args.per_chunk, args.images - chunk * args.per_chunk)
            a = at(args.x, chunk * args.per_chunk * args.image)
            for block in range(blocks):
                packed = at(args.g, (chunk * blocks + block) * args.size * step)
                for p in range(args.n_panels):
                    s, wide = args.panels[2 * p] * lanes, args.panels[2 * p + 1]
                    table = at(args.ig, (wide - 1) * args.length)
                    b = at(packed, args.size * s)
                    for u in range(u0, u1):
                        i = units[3 * u + 2] * (blocks + 2)
                        i0, i1 = begin[i + block], begin[i + block + 1]
                        i1 = min(i1, begin[i] + begin[i + blocks + 1] * present)
                        if i0 < i1:
                            c = at(target, units[3 * u + 1] * step + s)
                            add(wide, at(a, units[3 * u]), b, c, step, at(args.ix, i0), at(table, i0), i1 - i0, 1)

    return run
