"""Vectors of floats as LLVM IR: ``Vector(dtype, bytes)`` is one width of one dtype, and writes its instructions."""

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
        """Rows of the tile with ``columns`` vectors: as many accumulators as fit into the registers."""
        return {3: 8, 2: 8, 1: 16}[columns] if self.bytes == 64 else {3: 4, 2: 6, 1: 12}[columns]

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
        nothing = ir.Constant(vector, ir.Undefined)
        zeros = ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
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
