"""eˣ and functions built from it, on vectors, accurate to a few units in the last place; NaN gives NaN.

x = n ln 2 + r with |r| ≤ ln 2 / 2, eˣ = 2ⁿ eʳ, eʳ by its series: nothing is fitted, so one text serves float32 and float64.
Only x ≤ 0 is needed: the rest goes by symmetry, where nothing overflows.
"""

import math

from llvmlite import ir


class Format:
    """Constants of a dtype for eˣ: bits of the fraction, ln 2 in two parts (n · high is exact), terms, least x."""

    def __init__(self, dtype):
        single = dtype == "float32"
        self.bits, self.whole = (23, ir.IntType(32)) if single else (52, ir.IntType(64))
        self.bias = 127 if single else 1023
        self.high, self.low = (
            (355 / 512, math.log(2) - 355 / 512) if single else (0.693145751953125, 1.42860682030941723e-6)
        )
        self.terms = 7 if single else 13  # of the series of eʳ, |r| ≤ ln 2 / 2: its rest is below a tenth of an ulp
        self.nothing, self.normal = (-104.0, -87.0) if single else (-746.0, -708.0)  # eˣ is 0 and normal here
        self.round = 1.5 * 2.0**self.bits  # x + round − round is the integer nearest to x


def polynomial(x, a):
    """Σ aₖ xᵏ by its even and odd halves, polynomials of x²: short chains of operations that wait for each other."""
    if len(a) == 1:
        return x.lift(a[0])
    return polynomial(x * x, a[1::2]).fma(x, polynomial(x * x, a[::2]))


def split(x, least):
    """x ≤ 0 as n ln 2 + r (from ``least`` on): eʳ − 1, and n as whole numbers."""
    f, b = Format(x.v.dtype), x.b
    x = (x < least).pick(least, x)
    shifted = x.fma(1 / math.log(2), f.round)
    n = shifted - f.round
    r = n.fma(-f.low, n.fma(-f.high, x))
    series = polynomial(r, [1 / math.factorial(k) for k in range(2, f.terms + 1)])
    vector = ir.VectorType(f.whole, x.v.lanes)
    whole = b.sub(b.bitcast(shifted.value, vector), b.bitcast(x.v.constant(f.round), vector))
    return (r * r).fma(series, r), whole


def power(x, n):
    """2ⁿ, n whole numbers, as vectors like x."""
    f, b = Format(x.v.dtype), x.b
    bias, bits = (ir.Constant(n.type, [k] * x.v.lanes) for k in (f.bias, f.bits))
    return x.make(b.bitcast(b.shl(b.add(n, bias), bits), x.v.ir))


def exp(x):
    """eˣ, x ≤ 0; in two steps of half the exponent, so that it goes gradually to zero."""
    rest, n = split(x, Format(x.v.dtype).nothing)
    half = x.b.ashr(n, ir.Constant(n.type, [1] * x.v.lanes))
    first = power(x, half)
    return rest.fma(first, first) * power(x, x.b.sub(n, half))


def expm1(x):
    """eˣ − 1, x ≤ 0: exact to a few units in the last place near 0 too."""
    rest, n = split(x, Format(x.v.dtype).normal)
    return rest.fma(power(x, n), power(x, n) - 1)


def log1p(u):
    """log(1 + u) = 2 artanh(u / (2 + u)), 0 ≤ u ≤ 1, by the series of artanh."""
    s = u / (u + 2)
    terms = 8 if u.v.dtype == "float32" else 18
    return (s * s * polynomial(s * s, [2 / (2 * k + 1) for k in range(1, terms)])).fma(s, s + s)


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
