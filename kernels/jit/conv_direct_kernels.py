"""Convolutions as implicit matrix products: y from x and w, x̄ from ȳ and w (``correlate``), w̄ from x and ȳ (``contract``).

No matrix of patches is made. A tile's rows are output pixels, which lie anywhere in a frame (an image with its
padding); a table says where, and the sums run over kernel rows and, within one, over kw·C neighbouring numbers.
"""

from tinygan.kernels.jit.compile import Int, Ints, Reals, kernel
from tinygan.kernels.jit.pack import fill_frame
from tinygan.kernels.jit.tile import outer_sum, product
from tinygan.kernels.jit.vector import at, clear


@kernel
def correlate(v):
    """y[pixel, o] = start[o] + Σ_tk frame[ia[pixel] + taps[t] + k] w[t, k, o]. Part = (group of images, range of panels)."""
    multiply = product(v)

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
            p0, p1 = split * n_panels // splits, (split + 1) * n_panels // splits
            panel, c = at(w, phases[f + 5]), at(y, first * out)
            multiply(a, panel, c, b, at(ia, row), at(ic, row), tap, T, K, rows, panels, p0, p1, O)

    return run


@kernel
def contract(v):
    """w̄[row block] = Σ_pixels x[pixel + tap, c] ȳ[pixel]. Part = (range of images, range of row blocks): it owns its rows."""
    R = v.channel_rows
    lanes, add = v.lanes, outer_sum(v)

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
                            add(wide, at(a, units[3 * u]), b, c, step, at(ix, k0), at(table, k0), k1 - k0, 1)

    return run
