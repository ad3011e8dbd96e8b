"""Vectors of floats as LLVM IR: the register tiles and transforms that the convolutions are loops around.

``Vector(dtype, bytes)`` is one width of one dtype; its methods are Numba intrinsics for that width. A tile holds
rows x (columns x lanes) accumulators in registers, which is what reaches the machine's multiply-add ceiling:
12 accumulators of 16 registers up to AVX2, 16 to 24 of 32 with AVX-512.
"""

from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
def integer(k):
    return ir.Constant(I64, int(k))


@intrinsic
def at(typing_context, p, offset):
    """The pointer p + offset."""

    def codegen(context, b, signature, args):
        return b.gep(args[0], [args[1]])

    return p(p, types.intp), codegen


@intrinsic
def copy(typing_context, source, target, count):
    """target[:count] = source[:count]."""

    def codegen(context, b, signature, args):
        size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
        cgutils.raw_memcpy(b, args[1], args[0], args[2], size)
        return context.get_dummy_value()

    return types.void(source, target, types.intp), codegen


@intrinsic
def clear(typing_context, target, count):
    """target[:count] = 0."""

    def codegen(context, b, signature, args):
        size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
        cgutils.memset(b, args[0], b.mul(args[1], integer(size)), 0)
        return context.get_dummy_value()

    return types.void(target, types.intp), codegen


def loop(b, body, count, carried):
    """for k in range(count), count ≥ 1: ``body(k, values) → values``, the loop's values kept in registers."""
    before = b.block
    top, done = b.function.append_basic_block("loop"), b.function.append_basic_block("done")
    b.branch(top)
    b.position_at_end(top)
    k = b.phi(I64)
    k.add_incoming(integer(0), before)
    inside = []
    for value in carried:
        inside.append(b.phi(value.type))
        inside[-1].add_incoming(value, before)
    after = body(k, list(inside))
    k1 = b.add(k, integer(1))
    k.add_incoming(k1, b.block)
    for phi, value in zip(inside, after, strict=True):
        phi.add_incoming(value, b.block)
    b.cbranch(b.icmp_signed("<", k1, count), top, done)
    b.position_at_end(done)
    return after


@dataclass(frozen=True)
class Vector:
    """Vectors of ``bytes`` bytes of ``dtype`` ("float32" or "float64")."""

    dtype: str
    bytes: int

    @property
    def lanes(self):
        return self.bytes // np.dtype(self.dtype).itemsize

    @property
    def scalar(self):
        """The Numba type of one number."""
        return getattr(types, self.dtype)

    @property
    def ir(self):
        """The LLVM type of one vector."""
        return ir.VectorType(ir.FloatType() if self.dtype == "float32" else ir.DoubleType(), self.lanes)

    @property
    def channel_rows(self):
        """Rows of the weight gradient's tile: whole blocks of channels."""
        return 8 if self.bytes == 64 else 4

    def rows(self, columns):
        """Rows of the tile with ``columns`` vectors: as many accumulators as the registers bear."""
        return {3: 8, 2: 8, 1: 16}[columns] if self.bytes == 64 else {3: 4, 2: 6, 1: 12}[columns]

    # ------------------------------------------------ pieces of IR

    def constant(self, k):
        return ir.Constant(self.ir, [float(k)] * self.lanes)

    def load(self, b, p):
        return b.load(b.bitcast(p, self.ir.as_pointer()), align=self.bytes // self.lanes)

    def store(self, b, value, p):
        b.store(value, b.bitcast(p, self.ir.as_pointer()), align=self.bytes // self.lanes)

    def mask(self, b, count):
        """Lanes below ``count``."""
        lane = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        return b.icmp_signed("<", lane, self.spread(b, count))

    def store_some(self, b, value, p, mask):
        name = f"llvm.masked.store.v{self.lanes}f{8 * self.bytes // self.lanes}.p0"
        f = self._declare(b, name, ir.VoidType(), [self.ir, self.ir.as_pointer(), I32, mask.type])
        b.call(f, [value, b.bitcast(p, self.ir.as_pointer()), ir.Constant(I32, self.bytes // self.lanes), mask])

    def spread(self, b, s):
        """The vector with ``s`` in every lane."""
        vector = ir.VectorType(s.type, self.lanes)
        nothing, zeros = ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        return b.shuffle_vector(b.insert_element(nothing, s, ir.Constant(I32, 0)), nothing, zeros)

    def fma(self, b, x, y, z):
        """x y + z, fused where the machine fuses."""
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.bytes // self.lanes}"
        return b.call(self._declare(b, name, self.ir, [self.ir] * 3), [x, y, z])

    def _declare(self, b, name, result, arguments):
        return cgutils.get_or_insert_function(b.module, ir.FunctionType(result, arguments), name)

    def combine(self, b, factors, values):
        """Σ factorᵢ valueᵢ: zeros cost nothing, ones an addition."""
        terms = sorted(((float(k), v) for k, v in zip(factors, values, strict=True) if k), key=lambda kv: kv[0] != 1)
        if not terms:
            return self.constant(0)
        k, total = terms[0]
        if k != 1:
            total = b.fmul(self.constant(k), total)
        for k, v in terms[1:]:
            if abs(k) == 1:
                total = b.fadd(total, v) if k == 1 else b.fsub(total, v)
            else:
                total = self.fma(b, self.constant(k), v, total)
        return total

    # ------------------------------------------------ intrinsics

    def tile(self, rows, columns, *, accumulate=False):
        """c[ic[i] + j] = start[j] + Σ_{t<T} Σ_{k<K} a[ia[i] + at[t] + k] · w[(t K + k) n + j] for n = columns · lanes.

        ``ia``, ``ic``, ``at`` are tables of offsets: a row is any pixel, t any tap. w is a packed panel. Columns from
        ``width`` on are not stored. With ``accumulate`` the sum is added to c instead of ``start`` (whole columns only).
        """
        V, n = self, columns * self.lanes
        grid = [(i, j) for i in range(rows) for j in range(columns)]

        @intrinsic
        def tile(typing_context, a, w, c, start, ia, ic, at, T, K, width):
            def codegen(context, b, signature, args):
                a, w, c, start, ia, ic, at, T, K, width = args
                row = [b.gep(a, [b.load(b.gep(ia, [integer(i)]))]) for i in range(rows)]
                out = [b.gep(c, [b.load(b.gep(ic, [integer(i)]))]) for i in range(rows)]
                place = {(i, j): b.gep(out[i], [integer(j * V.lanes)]) for i, j in grid}
                if accumulate:
                    first = [V.load(b, place[g]) for g in grid]
                else:
                    bias = [V.load(b, b.gep(start, [integer(j * V.lanes)])) for j in range(columns)]
                    first = [bias[j] for _, j in grid]

                def tap(t, state):
                    here = [b.gep(r, [b.load(b.gep(at, [t]))]) for r in row]

                    def channel(k, inner):
                        panel, *sums = inner
                        v = [V.load(b, b.gep(panel, [integer(j * V.lanes)])) for j in range(columns)]
                        for i in range(rows):
                            s = V.spread(b, b.load(b.gep(here[i], [k])))
                            for j in range(columns):
                                sums[i * columns + j] = V.fma(b, s, v[j], sums[i * columns + j])
                        return [b.gep(panel, [integer(n)]), *sums]

                    return loop(b, channel, K, state)

                _, *sums = loop(b, tap, T, [w, *first])

                with b.if_else(b.icmp_signed(">=", width, integer(n))) as (whole, part):
                    with whole:
                        for g, s in zip(grid, sums, strict=True):
                            V.store(b, s, place[g])
                    with part:
                        for (i, j), s in zip(grid, sums, strict=True):
                            V.store_some(b, s, place[i, j], V.mask(b, b.sub(width, integer(j * V.lanes))))
                return context.get_dummy_value()

            return types.void(a, w, c, start, ia, ic, at, *[types.intp] * 3), codegen

        return tile

    def outer(self, rows, columns, *, accumulate):
        """c[i · step + j] (+)= Σ_{k<K} a[ia[k] + i] · w[iw[k] + j]: rows are neighbours, every k has its own addresses."""
        V = self
        grid = [(i, j) for i in range(rows) for j in range(columns)]

        @intrinsic
        def outer(typing_context, a, w, c, step, ia, iw, K):
            def codegen(context, b, signature, args):
                a, w, c, step, ia, iw, K = args
                place = [b.gep(c, [b.add(b.mul(step, integer(i)), integer(j * V.lanes))]) for i, j in grid]

                def pixel(k, sums):
                    pa, pw = b.gep(a, [b.load(b.gep(ia, [k]))]), b.gep(w, [b.load(b.gep(iw, [k]))])
                    v = [V.load(b, b.gep(pw, [integer(j * V.lanes)])) for j in range(columns)]
                    for i in range(rows):
                        s = V.spread(b, b.load(b.gep(pa, [integer(i)])))
                        for j in range(columns):
                            sums[i * columns + j] = V.fma(b, s, v[j], sums[i * columns + j])
                    return sums

                first = [V.load(b, p) if accumulate else V.constant(0) for p in place]
                for s, p in zip(loop(b, pixel, K, first), place, strict=True):
                    V.store(b, s, p)
                return context.get_dummy_value()

            return types.void(a, w, c, types.intp, ia, iw, types.intp), codegen

        return outer

    def transpose(self):
        """target[j · step + i] = source[i · stride + j], i, j < lanes: log₂(lanes) perfect shuffles turn the index's bits."""
        V, half = self, self.lanes // 2

        @intrinsic
        def transpose(typing_context, source, stride, target, step):
            def codegen(context, b, signature, args):
                source, stride, target, step = args
                order = [[o + k // 2 + k % 2 * V.lanes for k in range(V.lanes)] for o in (0, half)]
                masks = [ir.Constant(ir.VectorType(I32, V.lanes), o) for o in order]
                r = [V.load(b, b.gep(source, [b.mul(stride, integer(i))])) for i in range(V.lanes)]
                for _ in range(V.lanes.bit_length() - 1):
                    r = [b.shuffle_vector(r[i // 2], r[i // 2 + half], masks[i % 2]) for i in range(V.lanes)]
                for i, value in enumerate(r):
                    V.store(b, value, b.gep(target, [b.mul(step, integer(i))]))
                return context.get_dummy_value()

            return types.void(source, types.intp, target, types.intp), codegen

        return transpose

    def sandwich(self, L):
        """y = L x Lᵀ on grids of channel vectors: x[r, s] at source + r·row + s·column, y[i, j] at target + i·down + j·right.

        ``count`` vectors, lying lanes apart in the source and ``step`` apart in the target.
        """
        V = self
        m, n = len(L), len(L[0])

        @intrinsic
        def sandwich(typing_context, source, row, column, target, down, right, count, step):
            def codegen(context, b, signature, args):
                source, row, column, target, down, right, count, step = args

                def place(p, i, r, j, c):
                    return b.gep(p, [b.add(b.mul(r, integer(i)), b.mul(c, integer(j)))])

                inputs = [[place(source, r, row, s, column) for s in range(n)] for r in range(n)]
                outputs = [[place(target, i, down, j, right) for j in range(m)] for i in range(m)]

                def vector(k, _):
                    here, there = b.mul(k, integer(V.lanes)), b.mul(k, step)
                    x = [[V.load(b, b.gep(p, [here])) for p in line] for line in inputs]
                    half = [[V.combine(b, L[i], [x[r][s] for r in range(n)]) for s in range(n)] for i in range(m)]
                    for i in range(m):
                        for j in range(m):
                            V.store(b, V.combine(b, L[j], half[i]), b.gep(outputs[i][j], [there]))
                    return []

                loop(b, vector, count, [])
                return context.get_dummy_value()

            return types.void(source, types.intp, types.intp, target, *[types.intp] * 4), codegen

        return sandwich
