"""Register tiles: the inner loops of every convolution, and the loops over panels and rows around them.

A tile holds rows x (columns x lanes) sums in registers, which is what reaches the machine's multiply-add ceiling: 12 sums
of 16 registers up to AVX2, 16 to 24 of 32 with AVX-512.
"""

import numba
from numba.core import types
from numba.extending import intrinsic

from tinygan.kernels.jit.vector import at, integer, loop

PANEL = 24576  # bytes of weights that stay in the first cache beside the rows they meet
SPARE = 16  # rows that a tile may take past the last one: tables of rows repeat it so often


def tile(v, rows, columns):
    """c[ic[i] + j] = first + Σ_{t<T} Σ_{k<K} a[ia[i] + at[t] + k] · w[(t K + k) n + j] for n = columns · lanes.

    ``first`` is start[j], or c itself where ``more`` is not 0 (then all columns are stored). ``ia``, ``ic``, ``at`` are tables
    of offsets: a row is any pixel, t any tap. w is a packed panel. Columns from ``width`` on are not stored.
    """
    n = columns * v.lanes
    grid = [(i, j) for i in range(rows) for j in range(columns)]

    @intrinsic
    def tile(typing_context, a, w, c, start, ia, ic, at, T, K, width, more):
        def codegen(context, b, signature, args):
            a, w, c, start, ia, ic, at, T, K, width, more = args
            fresh = b.icmp_signed("==", more, integer(0))
            row = [b.gep(a, [b.load(b.gep(ia, [integer(i)]))]) for i in range(rows)]
            out = [b.gep(c, [b.load(b.gep(ic, [integer(i)]))]) for i in range(rows)]
            place = {(i, j): b.gep(out[i], [integer(j * v.lanes)]) for i, j in grid}
            bias = [v.load(b, b.gep(start, [integer(j * v.lanes)])) for j in range(columns)]
            first = [b.select(fresh, bias[j], v.constant(0)) for _, j in grid]

            def tap(t, state):
                here = [b.gep(r, [b.load(b.gep(at, [t]))]) for r in row]

                def channel(k, inner):
                    panel, *sums = inner
                    row_of_w = [v.load(b, b.gep(panel, [integer(j * v.lanes)])) for j in range(columns)]
                    for i in range(rows):
                        s = v.spread(b, b.load(b.gep(here[i], [k])))
                        for j in range(columns):
                            sums[i * columns + j] = v.fma(b, s, row_of_w[j], sums[i * columns + j])
                    return [b.gep(panel, [integer(n)]), *sums]

                return loop(b, channel, K, state)

            _, *sums = loop(b, tap, T, [w, *first])

            with b.if_else(fresh) as (begin, add):
                with begin, b.if_else(b.icmp_signed(">=", width, integer(n))) as (whole, part):
                    with whole:
                        for g, s in zip(grid, sums, strict=True):
                            v.store(b, s, place[g])
                    with part:
                        for (i, j), s in zip(grid, sums, strict=True):
                            v.store_some(b, s, place[i, j], v.mask(b, b.sub(width, integer(j * v.lanes))))
                with add:  # rows past the last repeat it: all are read before one is written
                    old = [v.load(b, place[g]) for g in grid]
                    for g, s, o in zip(grid, sums, old, strict=True):
                        v.store(b, b.fadd(o, s), place[g])
            return context.get_dummy_value()

        return types.void(a, w, c, start, ia, ic, at, *[types.intp] * 4), codegen

    return tile


def outer(v, rows, columns):
    """c[i · step + j] = Σ_{k<K} a[ia[k] + i] · w[iw[k] + j], added to c where ``old`` is not 0: rows are neighbours, every k
    has its own addresses."""
    grid = [(i, j) for i in range(rows) for j in range(columns)]

    @intrinsic
    def outer(typing_context, a, w, c, step, ia, iw, K, old):
        def codegen(context, b, signature, args):
            a, w, c, step, ia, iw, K, old = args
            place = [b.gep(c, [b.add(b.mul(step, integer(i)), integer(j * v.lanes))]) for i, j in grid]

            def pixel(k, sums):
                pa, pw = b.gep(a, [b.load(b.gep(ia, [k]))]), b.gep(w, [b.load(b.gep(iw, [k]))])
                row_of_w = [v.load(b, b.gep(pw, [integer(j * v.lanes)])) for j in range(columns)]
                for i in range(rows):
                    s = v.spread(b, b.load(b.gep(pa, [integer(i)])))
                    for j in range(columns):
                        sums[i * columns + j] = v.fma(b, s, row_of_w[j], sums[i * columns + j])
                return sums

            # Summed from zero, then added: long sums in blocks lose far less to rounding.
            sums = loop(b, pixel, K, [v.constant(0)] * len(grid))
            with b.if_else(b.icmp_signed("==", old, integer(0))) as (fresh, more):
                with fresh:
                    for s, p in zip(sums, place, strict=True):
                        v.store(b, s, p)
                with more:
                    for s, p in zip(sums, place, strict=True):
                        v.store(b, b.fadd(v.load(b, p), s), p)
            return context.get_dummy_value()

        return types.void(a, w, c, types.intp, ia, iw, types.intp, types.intp), codegen

    return outer


def product(v):
    """c[ic[q] + j] = start[j] + Σ_tk a[ia[q] + taps[t] + k] w[(t, k), j] for ``rows`` rows q and panels p0 to p1 of w.

    A long sum is taken in parts, each for all rows: its part of the panel stays in the first cache, and sums of sums lose far
    less to rounding than one long sum.
    """
    t1, t2, t3 = (tile(v, v.rows(n), n) for n in (1, 2, 3))
    r1, r2, r3 = (v.rows(n) for n in (1, 2, 3))
    lanes, held = v.lanes, PANEL // v.bytes

    @numba.njit(inline="always")
    def run(a, w, c, start, ia, ic, taps, T, K, rows, panels, p0, p1, columns):
        for p in range(p0, p1):
            s, wide = panels[2 * p] * lanes, panels[2 * p + 1]
            target, first, width = at(c, s), at(start, s), columns - s
            all_taps, all_k = max(T, 1), max(K, 1)  # a sum of nothing is stored too
            some_taps, some = all_taps, all_k
            if width >= wide * lanes:
                some_taps = max(1, min(all_taps, held // wide // all_k))
                some = all_k if some_taps > 1 else min(all_k, held // wide)
            for t in range(0, all_taps, some_taps):
                for k in range(0, all_k, some):
                    panel, here, steps = at(w, T * K * s + (t * K + k) * wide * lanes), at(a, k), at(taps, t)
                    TT, KK, more = min(some_taps, T - t), min(some, K - k), t + k
                    if wide == 3:
                        for q in range(0, rows, r3):
                            t3(here, panel, target, first, at(ia, q), at(ic, q), steps, TT, KK, width, more)
                    elif wide == 2:
                        for q in range(0, rows, r2):
                            t2(here, panel, target, first, at(ia, q), at(ic, q), steps, TT, KK, width, more)
                    else:
                        for q in range(0, rows, r1):
                            t1(here, panel, target, first, at(ia, q), at(ic, q), steps, TT, KK, width, more)

    return run


def outer_sum(v):
    """``outer`` of ``v.channel_rows`` rows, for a panel ``wide`` vectors wide."""
    o1, o2, o3 = (outer(v, v.channel_rows, n) for n in (1, 2, 3))

    @numba.njit(inline="always")
    def run(wide, a, w, c, step, ia, iw, K, old):
        if wide == 3:
            o3(a, w, c, step, ia, iw, K, old)
        elif wide == 2:
            o2(a, w, c, step, ia, iw, K, old)
        else:
            o1(a, w, c, step, ia, iw, K, old)

    return run
