"""Normalisation: one pass over memory for every sum, one more for the result.

x is (S, R, G, D), as in ``reference.normalise``. Where a set has rows (R > 1: batch, group and instance norm) sums are taken
of columns: a chunk of some rows, ``period`` numbers, is added to as many accumulators, 16 chunks to a block, blocks to a part,
parts in float64; what is done to x then comes from tables of ``period`` numbers. Parts are cut by shape, so results do
not depend on threads. Where R = 1 (layer and pixel norm) norm_rows.py does row by row in the first-level cache.
"""

import numpy as np

from tinygan.kernels.jit.compile import Int, Reals, kernel
from tinygan.kernels.jit.elementwise import columns, each
from tinygan.kernels.jit.memory import empty
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.vector import at, clear
from tinygan.kernels.reference import pulled_terms

BLOCK = 16  # chunks
PERIOD = 256  # numbers of a chunk, about


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


@kernel
def column_sums(v, what):
    """sums[part, row of the bundle, term] += the terms of a part's chunks."""
    n_terms, formula = TERMS[what]
    add, more = columns(v, formula), each(v, lambda s, t: s + t)

    def run(
        part, thread, X: Reals, G: Reals, tables: Reals, sums: Reals, scratch: Reals,
        n: Int, rows: Int, length: Int, period: Int, splits: Int, step: Int
    ):  # fmt: skip
        s, split = part // splits, part % splits
        m, p = at(tables, s * period), at(scratch, thread * n_terms * period)
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
def forward(v):
    """Y; tables μ, r, γ, r γ, β, and of each tangent ⟨ẋ⟩, a."""
    point, tangent = each(v, y_point), each(v, y_tangent)

    def run(
        part, thread, X: Reals, Y: Reals, tables: Reals,
        n: Int, rows: Int, length: Int, period: Int, splits: Int, step: Int
    ):  # fmt: skip
        s, split = part // splits, part % splits
        chunks = -(-length // period)
        mu = at(tables, s * period)
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
def backward(v):
    """X̄; tables μ, r, γ, ⟨γȳ⟩, c, and of each tangent ⟨u⟩, c, ⟨ẋ⟩, p, q, e."""
    point, tangent = each(v, gx_point), each(v, gx_tangent)

    def run(
        part, thread, X: Reals, G: Reals, GX: Reals, tables: Reals,
        n: Int, rows: Int, length: Int, period: Int, splits: Int, step: Int
    ):  # fmt: skip
        s, split = part // splits, part % splits
        chunks = -(-length // period)
        mu = at(tables, s * period)
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


# ---------------------------------------------------------------- what goes into them


def cut(sizes, rows):
    """How a set of R·C numbers is cut, by shape alone: rows in a chunk, numbers in a chunk, parts."""
    S, R, G, D = sizes
    C = G * D
    m = min(R, -(-PERIOD // C))
    chunks = -(-R // m)
    return m, m * C, max(1, min(32 // S, chunks // BLOCK, R * C * rows >> 14))


def summed(v, what, X, G, tables, sizes):
    """Sums over the rows of a set of each of its columns: (terms, rows of the bundle, S, 1, G, D), float64."""
    S, R, groups, D = sizes
    rows, n = len(X), S * R * groups * D
    m, period, splits = cut(sizes, rows)
    terms, _ = TERMS[what]
    sums = empty((S, splits, rows, terms, m, groups, D), X.dtype)
    scratch = empty((pool().n * terms * period,), X.dtype)
    numbers = n, rows, R * groups * D, period, splits, S * period
    column_sums(v, S * splits, X, G, tables, sums, scratch, *numbers, static=(what,))
    return sums.sum(axis=1, dtype=np.float64).sum(axis=3).transpose(2, 1, 0, 3, 4)[:, :, :, None]


def spread(values, sizes, m, dtype):
    """Tables of a chunk for each set, from values that broadcast to (S, 1, G, D)."""
    S, _, G, D = sizes
    tables = np.empty((len(values), S, m, G, D), dtype)
    for table, value in zip(tables, values, strict=True):
        table[...] = value
    return tables


def middle(a, b, c):
    """The middle one of three, a shift against cancellation: one that lies far from all others is never taken."""
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def normalise(v, X, gamma, beta, sizes, eps, centre):
    S, R, G, D = sizes
    A = X.reshape(len(X), *sizes)
    m, period, splits = cut(sizes, len(X))
    shift = (
        middle(*(A[:, :, k : k + 1] for k in (0, R // 2, R - 1))) if centre else np.zeros((len(X), S, 1, G, D), X.dtype)
    )
    first, second = summed(v, "forward", X, X, spread([*shift, shift[0]], sizes, m, X.dtype), sizes) / R
    if centre:
        columns = shift + first
        mean = columns.sum(axis=-1, keepdims=True) / D
        off = columns - mean
        second = second - first[0] * first + off[0] * off
    else:
        mean = np.zeros((len(X), S, 1, G, 1))
    moments = second.sum(axis=-1, keepdims=True) / D
    var = np.maximum(moments[0], 0)
    r = 1 / np.sqrt(var + eps)
    statistics = tuple(s.astype(X.dtype) for s in (mean[0], var, r, mean[1:], r * moments[1:]))
    mu, _, r, x_mean, a = statistics
    tangents = (t for pair in zip(x_mean, a, strict=True) for t in pair)
    tables = spread([mu, r, gamma, r * gamma, beta, *tangents], sizes, m, X.dtype)
    Y = empty(X.shape, X.dtype)
    forward(v, S * splits, X, Y, tables, X[0].size, len(X), R * G * D, period, splits, S * period)
    return Y, (X, statistics)


def normalise_pull(v, saved, gamma, G_, sizes, centre, wrt_x, wrt_p):
    X, (mu, _, r, x_mean, a) = saved
    S, R, G, D = sizes
    m, period, splits = cut(sizes, len(X))
    sums = summed(v, "backward", X, G_, spread([mu, *x_mean, r], sizes, m, X.dtype), sizes)
    g_p, mean, c, e = pulled_terms(*sums, gamma, r, a, sizes, centre=centre)
    if wrt_p:
        g_p = tuple(g.astype(X.dtype) for g in g_p)
    if not wrt_x:
        return None, g_p
    p, q = r * r * a, r * r * c[1:]
    e = r * r * (e - 3 * a * c[1:])
    tangents = (t for each_k in zip(mean[1:], c[1:], x_mean, p, q, e, strict=True) for t in each_k)
    tables = spread([mu, r, gamma, mean[0], c[0], *tangents], sizes, m, X.dtype)
    GX = empty(X.shape, X.dtype)
    backward(v, S * splits, X, G_, GX, tables, X[0].size, len(X), R * G * D, period, splits, S * period)
    return GX, g_p if wrt_p else None


def column_sum(v, A):
    """Σ over all axes but the last."""
    C = A.shape[-1]
    sizes = 1, A.size // C, C, 1
    return summed(v, "plain", A.reshape(1, -1), A, A, sizes).reshape(C).astype(A.dtype)


def scale_shift(v, X, scale, shift):
    """The last pass of ``normalise`` with statistics 0 and 1, each row of the bundle a set: a tangent has no shift."""
    K, n, C = len(X), X[0].size, X.shape[-1]
    sizes = K, n // C, C, 1
    m, period, splits = cut(sizes, 1)
    shifts = np.zeros((K, 1, C, 1), X.dtype)
    shifts[0] = shift[:, None]
    tables = spread([0, 1, scale[:, None], scale[:, None], shifts], sizes, m, X.dtype)
    Y = empty(X.shape, X.dtype)
    forward(v, K * splits, X, Y, tables, X.size, 1, n, period, splits, K * period)
    return Y
