"""Activations over a bundle, Adam, and sums of flat vectors: each array is read once and written once.

The table is POINTWISE of ``reference`` on vectors. Rows of a bundle lie far apart, so a block of them is done row by row, with
φ' and what x̄ needs of φ'' in a scratch block that stays in the first-level cache.
"""

from typing import Any, NamedTuple

import numpy as np

from tinygan.kernels.jit.compile import Int, Loop, Real, Reals, kernel
from tinygan.kernels.jit.elementwise import each, totals
from tinygan.kernels.jit.exp import exp, expm1, sigmoid, softplus, tanh
from tinygan.kernels.jit.memory import empty
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.vector import Vector, at
from tinygan.kernels.reference import OF_X
from tinygan.kernels.shapes import Array

BLOCK = 4096  # numbers: four blocks stay in a second-level cache, and a row is read in long runs
PART = 4 * BLOCK


def silu_slope(x, a):
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


def silu_curve(x, a):
    s = sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


#  name: φ(x; a),  φ' and φ'' ẋ / ṡ of s (None: φ'' is zero)
POINTWISE = {
    "relu": (lambda x, a: (x < 0).pick(0, x), lambda y, a: (y > 0).pick(1, 0), None),
    "leaky_relu": (lambda x, a: (x > 0).pick(x, a * x), lambda y, a: (y > 0).pick(1, a), None),
    "elu": (
        lambda x, a: (x > 0).pick(x, a * expm1((x > 0).pick(0, x))),
        lambda y, a: (y > 0).pick(1, y + a),
        lambda y, a: (y > 0).pick(0, 1),
    ),
    "silu": (lambda x, a: x * sigmoid(x), silu_slope, silu_curve),
    "softplus": (lambda x, a: softplus(x), lambda y, a: -expm1(-y), lambda y, a: exp(-y)),
    "tanh": (lambda x, a: tanh(x), lambda y, a: 1 - y * y, lambda y, a: -2 * y),
    "sigmoid": (lambda x, a: sigmoid(x), lambda y, a: y * (1 - y), lambda y, a: 1 - 2 * y),
}


@kernel
def forward(v: Vector, f: str) -> Loop:
    """y = φ(x), ẏ = φ' ẋ."""
    phi, slope, _ = POINTWISE[f]
    value = each(v, phi)

    def both(x, a):
        y = phi(x, a)
        return y, slope(x if f in OF_X else y, a)

    first, times = each(v, both), each(v, lambda slope, x: slope * x)

    def run(part, thread, X: Reals, Y: Reals, scratch: Reals, n: Int, rows: Int, a: Real):
        for i in range(part * PART, min(n, part * PART + PART), BLOCK):
            count = min(BLOCK, n - i)
            if rows == 1:
                value((at(X, i), a), (at(Y, i),), count)
            else:
                slopes = at(scratch, thread * BLOCK)
                first((at(X, i), a), (at(Y, i), slopes), count)
                for k in range(i + n, rows * n, n):
                    times((slopes, at(X, k)), (at(Y, k),), count)

    return run


@kernel
def backward(v: Vector, f: str) -> Loop:
    """ẋ̄ = φ' ẏ̄, x̄ = φ' ȳ + Σ (φ'' ẋ) ẏ̄."""
    _, slope, curve = POINTWISE[f]
    alone = each(v, lambda s, g, a: slope(s, a) * g)

    def terms(s, g, a):
        d = slope(s, a)
        return d * g, d, curve(s, a) if curve else d

    first, times = each(v, terms), each(v, lambda slope, g: slope * g)
    curved = each(v, lambda slope, curve, s, g, gx: (slope * g, (curve * s).fma(g, gx)))
    straight = curve is None

    def run(part, thread, S: Reals, G: Reals, GX: Reals, scratch: Reals, n: Int, rows: Int, a: Real):
        for i in range(part * PART, min(n, part * PART + PART), BLOCK):
            count = min(BLOCK, n - i)
            if rows == 1:
                alone((at(S, i), at(G, i), a), (at(GX, i),), count)
            else:
                slopes = at(scratch, 2 * thread * BLOCK)
                curves = at(slopes, BLOCK)
                first((at(S, i), at(G, i), a), (at(GX, i), slopes, curves), count)
                for k in range(i + n, rows * n, n):
                    if straight:
                        times((slopes, at(G, k)), (at(GX, k),), count)
                    else:
                        curved((slopes, curves, at(S, k), at(G, k), at(GX, i)), (at(GX, k), at(GX, i)), count)

    return run


def pointwise(v: Vector, X: Array, f: str, a: float) -> tuple[Array, Array]:
    Y, n = empty(X.shape, X.dtype), X[0].size
    scratch = empty((pool().n * BLOCK,), X.dtype) if len(X) > 1 else X
    forward(v, parts(n), X, Y, scratch, n, len(X), float(a), static=(f,))
    return Y, X if f in OF_X else Y


def pointwise_dx(v: Vector, S: Array, G: Array, f: str, a: float) -> Array:
    GX, n = empty(G.shape, G.dtype), G[0].size
    scratch = empty((2 * pool().n * BLOCK,), G.dtype) if len(G) > 1 else G
    backward(v, parts(n), S, G, GX, scratch, n, len(G), float(a), static=(f,))
    return GX


def parts(n: int) -> int:
    return -(-n // PART)


# ---------------------------------------------------------------- flat vectors


class AdamStep(NamedTuple):
    """The arguments of ``adam_step``: the old vectors of n numbers, the new ones, and Adam's numbers."""

    theta: Reals
    g: Reals
    m: Reals
    v: Reals
    new_theta: Reals
    new_m: Reals
    new_v: Reals
    n: Int
    b1: Real
    c1: Real  # 1 − b₁
    b2: Real
    c2: Real  # 1 − b₂
    rate: Real  # lr / (1 − b₁ᵗ)
    root: Real  # 1 − b₂ᵗ
    eps: Real


@kernel
def adam_step(v: Vector) -> Loop:
    """m, v and θ after one step; ``rate`` and ``root`` hold the corrections of the bias."""

    def formula(theta, g, m, v, b1, c1, b2, c2, rate, root, eps):
        m = b1 * m + c1 * g
        v = b2 * v + c2 * (g * g)
        return theta - rate * m / ((v / root).sqrt() + eps), m, v

    step = each(v, formula)

    def run(part, thread, args: AdamStep):
        i = part * PART
        theta, g, m, v = at(args.theta, i), at(args.g, i), at(args.m, i), at(args.v, i)
        rates = args.b1, args.c1, args.b2, args.c2, args.rate, args.root, args.eps
        new = at(args.new_theta, i), at(args.new_m, i), at(args.new_v, i)
        step((theta, g, m, v, *rates), new, min(PART, args.n - i))

    return run


@kernel
def combination(v: Vector) -> Loop:
    """a x + b y."""
    mix = each(v, lambda x, y, a, b: a * x + b * y)

    def run(part, thread, x: Reals, y: Reals, z: Reals, n: Int, a: Real, b: Real):
        i = part * PART
        mix((at(x, i), at(y, i), a, b), (at(z, i),), min(PART, n - i))

    return run


@kernel
def products(v: Vector) -> Loop:
    """Σ x y of each part: of blocks in the vector's dtype, over blocks in float64."""
    total = totals(v, 1, lambda x, y: x * y)

    def run(part, thread, x: Reals, y: Reals, sums: Reals, n: Int):
        s = 0.0
        for i in range(part * PART, min(n, part * PART + PART), BLOCK):
            s += total((at(x, i), at(y, i)), min(BLOCK, n - i))[0]
        sums[part] = s

    return run


def adam(
    v: Vector, theta: Array, g: Array, m: Array, v_: Array, lr: float, b1: float, b2: float, eps: float, t: int
) -> tuple[Array, Array, Array]:
    new_theta, new_m, new_v = (empty(theta.shape, theta.dtype) for _ in range(3))
    rates = {"b1": b1, "c1": 1 - b1, "b2": b2, "c2": 1 - b2, "rate": lr / (1 - b1**t), "root": 1 - b2**t, "eps": eps}
    numbers: dict[str, Any] = {name: float(number) for name, number in rates.items()}
    args = AdamStep(theta=theta, g=g, m=m, v=v_, new_theta=new_theta, new_m=new_m, new_v=new_v, n=theta.size, **numbers)
    adam_step(v, parts(theta.size), args)
    return new_theta, new_m, new_v


def combine(v: Vector, a: float, x: Array, b: float, y: Array) -> Array:
    z = empty(x.shape, x.dtype)
    combination(v, parts(x.size), x, y, z, x.size, float(a), float(b))
    return z


def dot(v: Vector, x: Array, y: Array) -> float:
    sums = np.zeros(parts(x.size), x.dtype)
    products(v, len(sums), x, y, sums, x.size)
    return float(sums.sum(dtype=np.float64))
