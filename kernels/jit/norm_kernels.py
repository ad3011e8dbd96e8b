"""The loops of normalisation over columns: sums of a set's rows, and the passes that ``norm.py`` makes tables for."""

from typing import NamedTuple

from tinygan.kernels.jit.compile import Int, Loop, Reals, kernel
from tinygan.kernels.jit.elementwise import columns, each
from tinygan.kernels.jit.vector import Vector, at, clear

BLOCK = 16  # chunks


# ---------------------------------------------------------------- formulas on vectors; norm_rows.py shares them


def y_point(x, mu, scale, beta):
    return (x - mu).fma(scale, beta)


def y_tangent(x, mu, r, gamma, x_dot, m, a):
    return gamma * (r * (x_dot - m - a * ((x - mu) * r)))


def gx_point(x, mu, r, gamma, g, m, c):
    return r * (gamma * g - m - c * ((x - mu) * r))


def gx_tangent(x, mu, r, gamma, g, m, c, x_dot, x_mean, p, q, e, gx):
    """ẋ̄, and x̄ less p Pu + q (ẋ − ⟨ẋ⟩) + e z."""
    z, u = (x - mu) * r, gamma * g - m
    return r * (u - c * z), gx - (p * u + q * (x_dot - x_mean) + e * z)


#  Terms of the sums, and how many: of x, a bundle's row of x, its row of ȳ; μ or a shift, r, the row's mean or shift
TERMS = {
    "plain": (1, lambda x, row, g, m, r, row_m: (x,)),
    "forward": (2, lambda x, row, g, m, r, row_m: (row - row_m, (x - m) * (row - row_m))),
    "backward": (3, lambda x, row, g, m, r, row_m: (g, g * ((x - m) * r), g * (row - row_m))),
}


# ---------------------------------------------------------------- kernels


class Sums(NamedTuple):
    """The arguments of ``column_sums``."""

    X: Reals  # a bundle of ``rows`` rows of ``n`` numbers: sets of ``length``
    G: Reals
    tables: Reals  # ``step`` numbers each, ``period`` of a set
    sums: Reals
    scratch: Reals  # for each thread ``period`` numbers of each term
    n: Int
    rows: Int
    length: Int
    period: Int
    splits: Int  # parts of a set
    step: Int


class Pass(NamedTuple):
    """The arguments of ``forward`` and ``backward``, from a bundle ``X`` (and ``G``) to ``out``."""

    X: Reals
    G: Reals
    out: Reals
    tables: Reals
    n: Int
    rows: Int
    length: Int
    period: Int
    splits: Int
    step: Int


@kernel
def column_sums(v: Vector, what: str) -> Loop:
    """sums[part, row of the bundle, term] += the terms of a part's chunks."""
    n_terms, formula = TERMS[what]
    add, more = columns(v, formula), each(v, lambda s, t: s + t)

    def run(part, thread, args: Sums):
        X, G, sums = args.X, args.G, args.sums
        n, rows, length, period, splits, step = args.n, args.rows, args.length, args.period, args.splits, args.step
        s, split = part // splits, part % splits
        m, p = at(args.tables, s * period), at(args.scratch, thread * n_terms * period)
        r = at(m, rows * step)
        clear(at(sums, part * rows * n_terms * period), rows * n_terms * period)
        chunks = -(-length // period)
        last = (split + 1) * chunks // splits
        for block in range(split * chunks // splits, last, BLOCK):
            for k in range(rows):
                clear(p, n_terms * period)
                for c in range(block, min(block + BLOCK, last)):
                    i, count = s * length + c * period, min(period, length - c * period)
                    add((at(X, i), at(X, i + k * n), at(G, i + k * n), m, r, at(m, k * step)), p, period, count)
                total = at(sums, (part * rows + k) * n_terms * period)
                more((total, p), (total,), n_terms * period)

    return run


@kernel
def forward(v: Vector) -> Loop:
    """Y; tables μ, r, γ, r γ, β, and of each tangent ⟨ẋ⟩, a."""
    point, tangent = each(v, y_point), each(v, y_tangent)

    def run(part, thread, args: Pass):
        X, Y = args.X, args.out
        n, rows, length, period, splits, step = args.n, args.rows, args.length, args.period, args.splits, args.step
        s, split = part // splits, part % splits
        chunks = -(-length // period)
        mu = at(args.tables, s * period)
        r, gamma, scale, beta = at(mu, step), at(mu, 2 * step), at(mu, 3 * step), at(mu, 4 * step)
        last = (split + 1) * chunks // splits
        for block in range(split * chunks // splits, last, BLOCK):
            for k in range(rows):
                t = at(mu, (2 * k + 3) * step)
                for c in range(block, min(block + BLOCK, last)):
                    i, count = s * length + c * period, min(period, length - c * period)
                    x, row, y = at(X, i), at(X, i + k * n), at(Y, i + k * n)
                    if k == 0:
                        point((x, mu, scale, beta), (y,), count)
                    else:
                        tangent((x, mu, r, gamma, row, t, at(t, step)), (y,), count)

    return run


@kernel
def backward(v: Vector) -> Loop:
    """X̄; tables μ, r, γ, ⟨γȳ⟩, c, and of each tangent ⟨u⟩, c, ⟨ẋ⟩, p, q, e."""
    point, tangent = each(v, gx_point), each(v, gx_tangent)

    def run(part, thread, args: Pass):
        X, G, GX = args.X, args.G, args.out
        n, rows, length, period, splits, step = args.n, args.rows, args.length, args.period, args.splits, args.step
        s, split = part // splits, part % splits
        chunks = -(-length // period)
        mu = at(args.tables, s * period)
        r, gamma = at(mu, step), at(mu, 2 * step)
        last = (split + 1) * chunks // splits
        for block in range(split * chunks // splits, last, BLOCK):
            for k in range(rows):
                t = at(mu, (6 * k - 1) * step)
                means = t, at(t, 2 * step), at(t, 3 * step), at(t, 4 * step), at(t, 5 * step)
                for c in range(block, min(block + BLOCK, last)):
                    i, count = s * length + c * period, min(period, length - c * period)
                    x, row, g, gx = at(X, i), at(X, i + k * n), at(G, i + k * n), at(GX, i)
                    if k == 0:
                        point((x, mu, r, gamma, g, at(mu, 3 * step), at(mu, 4 * step)), (gx,), count)
                    else:
                        m, x_mean, p, q, e = means
                        tangent(
                            (x, mu, r, gamma, g, m, at(t, step), row, x_mean, p, q, e, gx), (at(gx, k * n), gx), count
                        )

    return run
