"""Formulas on vectors: arithmetic in Python's signs that writes LLVM IR, and loops that apply it to memory.

``each(v, f)`` is the loop out[i] = f(in[i], ...), ``totals(v, n, f)`` the n sums Σᵢ f(in[i], ...). Nothing is reassociated or
contracted, and a last part of a vector goes through the same arithmetic under a mask: a result does not depend on
where a loop begins or ends.
"""

import math

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from tinygan.kernels.jit_vector import I32, integer, loop


class Lanes:
    """A vector of numbers (or of truths, of comparisons) under way: an operator writes an instruction."""

    def __init__(self, v, b, value):
        self.v, self.b, self.value = v, b, value

    def make(self, value):
        return Lanes(self.v, self.b, value)

    def lift(self, other):
        """A number as a vector of it."""
        return other if isinstance(other, Lanes) else self.make(self.v.constant(other))

    def call(self, name, *others):
        """LLVM's function ``name`` of vectors."""
        full = f"llvm.{name}.v{self.v.lanes}f{8 * self.v.bytes // self.v.lanes}"
        values = [self.value, *(self.lift(o).value for o in others)]
        return self.make(self.b.call(self.v._declare(self.b, full, self.v.ir, [self.v.ir] * len(values)), values))

    def __add__(self, other):
        return self.make(self.b.fadd(self.value, self.lift(other).value))

    def __sub__(self, other):
        return self.make(self.b.fsub(self.value, self.lift(other).value))

    def __mul__(self, other):
        return self.make(self.b.fmul(self.value, self.lift(other).value))

    def __truediv__(self, other):
        return self.make(self.b.fdiv(self.value, self.lift(other).value))

    def __rsub__(self, other):
        return self.lift(other) - self

    def __neg__(self):
        return self.make(self.b.fneg(self.value))

    __radd__, __rmul__ = __add__, __mul__

    def __abs__(self):
        return self.call("fabs")

    def __gt__(self, other):
        """Where it is greater; a NaN is not."""
        return self.make(self.b.fcmp_ordered(">", self.value, self.lift(other).value))

    def __lt__(self, other):
        return self.make(self.b.fcmp_ordered("<", self.value, self.lift(other).value))

    def pick(self, yes, no):
        """``yes`` where these truths hold, else ``no``."""
        like = yes if isinstance(yes, Lanes) else no if isinstance(no, Lanes) else self
        return self.make(self.b.select(self.value, like.lift(yes).value, like.lift(no).value))

    def fma(self, y, z):
        """x y + z, fused where the machine fuses."""
        return self.call("fmuladd", y, z)

    def sqrt(self):
        return self.call("sqrt")


# ---------------------------------------------------------------- eˣ and what follows from it


class Format:
    """What eˣ needs to know of a dtype: bits of the fraction, ln 2 in two parts (n · high is exact), terms, least x."""

    def __init__(self, dtype):
        single = dtype == "float32"
        self.bits, self.whole = (23, ir.IntType(32)) if single else (52, ir.IntType(64))
        self.bias = 127 if single else 1023
        self.high, self.low = (355 / 512, math.log(2) - 355 / 512) if single else (0.693145751953125, 1.42860682030941723e-6)
        self.terms = 7 if single else 13  # of the series of eʳ, |r| ≤ ln 2 / 2: its rest is below a tenth of an ulp
        self.nothing, self.normal = (-104.0, -87.0) if single else (-746.0, -708.0)  # eˣ is 0 and normal here
        self.round = 1.5 * 2.0**self.bits  # x + round − round is the integer nearest to x


def _split(x, least):
    """x ≤ 0 as n ln 2 + r, from ``least`` on: eʳ − 1, and 2ⁿ as a function of a shift right of n's bits (and the rest)."""
    f, b = Format(x.v.dtype), x.b
    x = (x < least).pick(least, x)
    shifted = x.fma(1 / math.log(2), f.round)
    n = shifted - f.round
    r = n.fma(-f.low, n.fma(-f.high, x))
    series = x.lift(1 / math.factorial(f.terms))
    for k in range(f.terms - 1, 1, -1):
        series = series.fma(r, 1 / math.factorial(k))
    vector = ir.VectorType(f.whole, x.v.lanes)

    def whole(k):
        return ir.Constant(vector, [int(k)] * x.v.lanes)

    exponent = b.sub(b.bitcast(shifted.value, vector), b.bitcast(x.v.constant(f.round), vector))

    def power(exponent):
        return x.make(b.bitcast(b.shl(b.add(exponent, whole(f.bias)), whole(f.bits)), x.v.ir))

    half = b.ashr(exponent, whole(1))
    return (r * r).fma(series, r), lambda: power(exponent), lambda: (power(half), power(b.sub(exponent, half)))


def exp(x):
    """eˣ, x ≤ 0; in two steps of half the exponent, so that it goes gradually to zero."""
    rest, _, halves = _split(x, Format(x.v.dtype).nothing)
    first, second = halves()
    return rest.fma(first, first) * second


def expm1(x):
    """eˣ − 1, x ≤ 0: exact to a few units in the last place near 0 too."""
    rest, power, _ = _split(x, Format(x.v.dtype).normal)
    return rest.fma(power(), power() - 1)


def log1p(u):
    """log(1 + u) = 2 artanh(u / (2 + u)), 0 ≤ u ≤ 1, by the series of artanh."""
    s = u / (u + 2)
    square, terms = s * s, 9 if u.v.dtype == "float32" else 18
    series = u.lift(2 / (2 * terms - 1))
    for k in range(terms - 2, 0, -1):
        series = series.fma(square, 2 / (2 * k + 1))
    return (series * square).fma(s, s + s)


def sigmoid(x):
    """1 / (1 + e⁻ˣ)."""
    e = exp(-abs(x))
    return (x < 0).pick(e, 1) / (1 + e)


def softplus(x):
    """log(1 + eˣ)."""
    return (x > 0).pick(x, 0) + log1p(exp(-abs(x)))


def tanh(x):
    """t = e^(−2|x|) − 1: |tanh x| = −t / (2 + t)."""
    t = expm1(-2 * abs(x))
    y = t / (t + 2)
    return (x < 0).pick(y, -y)


# ---------------------------------------------------------------- loops over memory


def each(v, function):
    """``run(inputs, outputs, count)``: outputs[j][i] = function(*inputs[i])[j]; an input is an array or one number."""

    @intrinsic
    def run(typing_context, inputs, outputs, count):
        def codegen(context, b, signature, args):
            read, sources = _reader(v, context, b, signature, args)
            targets = cgutils.unpack_tuple(b, args[1], len(signature.args[1]))

            def apply(at, _, left=None):
                results = function(*read(sources, at, left))
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


def totals(v, terms, function):
    """``run(inputs, count)``: the ``terms`` sums over i of function(*inputs[i])."""

    @intrinsic
    def run(typing_context, inputs, count):
        made = types.UniTuple(v.scalar, terms)

        def codegen(context, b, signature, args):
            read, sources = _reader(v, context, b, signature, args)

            def apply(at, sums, left=None):
                results = function(*read(sources, at, left))
                values = [y.value for y in (results if isinstance(results, tuple) else (results,))]
                if left is not None:
                    values = [b.select(v.mask(b, left), y, v.constant(0)) for y in values]
                return [b.fadd(s, y) for s, y in zip(sums, values, strict=True)]

            sums = _cut(v, b, args[1], apply, [v.constant(0)] * terms)
            return context.make_tuple(b, made, [_across(v, b, s) for s in sums])

        return made(inputs, types.intp), codegen

    return run


def _reader(v, context, b, signature, args):
    """How to read the inputs at an offset (``left`` numbers of them, else a whole vector), and where they are."""
    kinds = signature.args[0]
    given = cgutils.unpack_tuple(b, args[0], len(kinds))
    fixed = [None if isinstance(t, types.CPointer) else v.spread(b, context.cast(b, a, t, v.scalar)) for a, t in zip(given, kinds)]

    def read(sources, at, left):
        for p, number in zip(sources, fixed, strict=True):
            if number is not None:
                yield Lanes(v, b, number)
            elif left is None:
                yield Lanes(v, b, v.load(b, b.gep(p, [at])))
            else:
                yield Lanes(v, b, load_some(v, b, b.gep(p, [at]), v.mask(b, left)))

    return read, given


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
        x = b.fadd(b.shuffle_vector(x, x, low), b.shuffle_vector(x, x, high))
    return b.extract_element(x, ir.Constant(I32, 0))
