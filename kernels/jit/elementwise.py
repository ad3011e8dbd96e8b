"""Formulas on vectors: Python operators that write LLVM IR, and loops that apply a formula to arrays.

``each(v, f)`` is the loop out[i] = f(in[i], ...), ``totals(v, n, f)`` the n sums Σᵢ f(in[i], ...). Nothing is reassociated or
contracted, and a last part of a vector goes through the same arithmetic under a mask: a result does not depend on
where a loop begins or ends.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from tinygan.kernels.jit.vector import I32, integer, loop

STRICT = ("nsz",)  # an instruction without flags would get those that compile.py gives to all of a kernel


class Lanes:
    """A vector value in LLVM IR, of numbers or of comparison results. Each operator writes an instruction."""

    def __init__(self, v, b, value):
        self.v, self.b, self.value = v, b, value

    def make(self, value):
        return Lanes(self.v, self.b, value)

    def lift(self, other):
        """A number as a constant vector."""
        return other if isinstance(other, Lanes) else self.make(self.v.constant(other))

    def call(self, name, *others):
        """LLVM's function ``name`` of vectors."""
        full = f"llvm.{name}.v{self.v.lanes}f{8 * self.v.bytes // self.v.lanes}"
        values = [self.value, *(self.lift(o).value for o in others)]
        return self.make(self.b.call(self.v._declare(self.b, full, self.v.ir, [self.v.ir] * len(values)), values))

    def __add__(self, other):
        return self.make(self.b.fadd(self.value, self.lift(other).value, flags=STRICT))

    def __sub__(self, other):
        return self.make(self.b.fsub(self.value, self.lift(other).value, flags=STRICT))

    def __mul__(self, other):
        return self.make(self.b.fmul(self.value, self.lift(other).value, flags=STRICT))

    def __truediv__(self, other):
        return self.make(self.b.fdiv(self.value, self.lift(other).value, flags=STRICT))

    def __rsub__(self, other):
        return self.lift(other) - self

    def __neg__(self):
        return self.make(self.b.fneg(self.value))

    __radd__, __rmul__ = __add__, __mul__

    def __abs__(self):
        return self.call("fabs")

    def __gt__(self, other):
        """Where the first is greater; false for NaN."""
        return self.make(self.b.fcmp_ordered(">", self.value, self.lift(other).value))

    def __lt__(self, other):
        return self.make(self.b.fcmp_ordered("<", self.value, self.lift(other).value))

    def pick(self, yes, no):
        """``yes`` where this comparison is true, else ``no``."""
        like = yes if isinstance(yes, Lanes) else no if isinstance(no, Lanes) else self
        return self.make(self.b.select(self.value, like.lift(yes).value, like.lift(no).value))

    def fma(self, y, z):
        """x y + z, fused where the machine fuses."""
        return self.call("fmuladd", y, z)

    def sqrt(self):
        return self.call("sqrt")


# ---------------------------------------------------------------- loops over memory


def each(v, function):
    """``run(inputs, outputs, count)``: outputs[j][i] = function(*inputs[i])[j]; an input is an array or one number."""

    @intrinsic
    def run(typing_context, inputs, outputs, count):
        def codegen(context, b, signature, args):
            read = _reader(v, context, b, inputs, cgutils.unpack_tuple(b, args[0], len(inputs)))
            targets = cgutils.unpack_tuple(b, args[1], len(signature.args[1]))

            def apply(at, _, left=None):
                results = function(*read(at, left))
                for p, y in zip(targets, results if isinstance(results, tuple) else (results,), strict=True):
                    if left is None:
                        v.store(b, y.value, b.gep(p, [at]))
                    else:
                        v.store_some(b, y.value, b.gep(p, [at]), v.mask(b, left))
                return []

            _cut(v, b, args[2], apply, [])
            return context.get_dummy_value()

        return types.void(inputs, outputs, types.intp), codegen

    return run


def columns(v, function):
    """``run(inputs, sums, step, count)``: sums[j step + i] += function(*inputs[i])[j]."""

    @intrinsic
    def run(typing_context, inputs, sums, step, count):
        def codegen(context, b, signature, args):
            read = _reader(v, context, b, inputs, cgutils.unpack_tuple(b, args[0], len(inputs)))

            def apply(at, _, left=None):
                for j, term in enumerate(function(*read(at, left))):
                    place = b.gep(args[1], [b.add(b.mul(args[2], integer(j)), at)])
                    if left is None:
                        v.store(b, (term + Lanes(v, b, v.load(b, place))).value, place)
                    else:
                        mask = v.mask(b, left)
                        v.store_some(b, (term + Lanes(v, b, load_some(v, b, place, mask))).value, place, mask)
                return []

            _cut(v, b, args[3], apply, [])
            return context.get_dummy_value()

        return types.void(inputs, sums, types.intp, types.intp), codegen

    return run


def totals(v, terms, function):
    """``run(inputs, count)``: the ``terms`` sums over i of function(*inputs[i])."""

    @intrinsic
    def run(typing_context, inputs, count):
        made = types.UniTuple(v.scalar, terms)

        def codegen(context, b, signature, args):
            read = _reader(v, context, b, inputs, cgutils.unpack_tuple(b, args[0], len(inputs)))

            def apply(at, sums, left=None):
                results = function(*read(at, left))
                values = [y.value for y in (results if isinstance(results, tuple) else (results,))]
                if left is not None:
                    values = [b.select(v.mask(b, left), y, v.constant(0)) for y in values]
                return [b.fadd(s, y, flags=STRICT) for s, y in zip(sums, values, strict=True)]

            sums = _cut(v, b, args[1], apply, [v.constant(0)] * terms)
            return context.make_tuple(b, made, [_across(v, b, s) for s in sums])

        return made(inputs, types.intp), codegen

    return run


def _reader(v, context, b, kinds, given):
    """How to read inputs at an offset: ``left`` numbers of them, or a whole vector."""
    arrays = [isinstance(kind, types.CPointer) for kind in kinds]
    fixed = [
        None if array else Lanes(v, b, v.spread(b, context.cast(b, a, kind, v.scalar)))
        for array, a, kind in zip(arrays, given, kinds, strict=True)
    ]

    def read(at, left):
        for p, number in zip(given, fixed, strict=True):
            if number is not None:
                yield number
            elif left is None:
                yield Lanes(v, b, v.load(b, b.gep(p, [at])))
            else:
                yield Lanes(v, b, load_some(v, b, b.gep(p, [at]), v.mask(b, left)))

    return read


def load_some(v, b, p, mask):
    """The lanes of ``mask``, zeros elsewhere."""
    name, pointer = f"llvm.masked.load.v{v.lanes}f{8 * v.bytes // v.lanes}.p0", v.ir.as_pointer()
    f = v._declare(b, name, v.ir, [pointer, I32, mask.type, v.ir])
    return b.call(f, [b.bitcast(p, pointer), ir.Constant(I32, v.bytes // v.lanes), mask, v.constant(0)])


def _cut(v, b, count, apply, values):
    """``apply(offset, values)`` for whole vectors, then once for what is left: the last values."""
    memory = [cgutils.alloca_once_value(b, x) for x in values]
    whole = b.sdiv(count, integer(v.lanes))

    def keep(after):
        for p, x in zip(memory, after, strict=True):
            b.store(x, p)

    with b.if_then(b.icmp_signed(">", whole, integer(0))):
        keep(loop(b, lambda k, inner: apply(b.mul(k, integer(v.lanes)), inner), whole, [b.load(p) for p in memory]))
    at = b.mul(whole, integer(v.lanes))
    left = b.sub(count, at)
    with b.if_then(b.icmp_signed(">", left, integer(0))):
        keep(apply(at, [b.load(p) for p in memory], left))
    return [b.load(p) for p in memory]


def _across(v, b, x):
    """The sum of a vector's lanes, halves added to halves."""
    n = v.lanes
    while n > 1:
        n //= 2
        low, high = (ir.Constant(ir.VectorType(I32, n), list(range(o, o + n))) for o in (0, n))
        x = b.fadd(b.shuffle_vector(x, x, low), b.shuffle_vector(x, x, high), flags=STRICT)
    return b.extract_element(x, ir.Constant(I32, 0))
