"""Normalisation: one pass over memory for every sum, one more for the result.

x is (S, R, G, D), as in ``reference.normalise``. Where a set has rows (R > 1: batch, group and instance norm) sums are taken
of columns: a chunk of some rows, ``period`` numbers, is added to as many accumulators, 16 chunks to a block, blocks to a part,
parts in float64. The second pass reads its coefficients from tables of ``period`` numbers. Parts are cut by shape, so results
do not depend on threads. Where R = 1 (layer and pixel norm) norm_rows.py does row by row in the first-level cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.kernels.jit.memory import empty
from tinygan.kernels.jit.norm_kernels import BLOCK, TERMS, Pass, Sums, backward, column_sums, forward
from tinygan.kernels.jit.pool import pool
from tinygan.kernels.jit.vector import Vector
from tinygan.kernels.reference import vjp_terms
from tinygan.kernels.shapes import Array, Cotangents, Saved, Sizes

PERIOD = 256  # numbers of a chunk, about


def cut(sizes: Sizes, rows: int) -> tuple[int, dict[str, int]]:
    """How sets of R·C numbers are cut, by shape alone: rows in a chunk, and the kernels' arguments that say it, by name."""
    S, R, G, D = sizes
    C = G * D
    m = min(R, -(-PERIOD // C))
    chunks = -(-R // m)
    splits = max(1, min(32 // S, chunks // BLOCK, R * C * rows >> 14))
    return m, {
        "n": S * R * C, "rows": rows, "length": R * C, "period": m * C, "splits": splits, "step": S * m * C
    }  # fmt: skip


def summed(v: Vector, what: str, X: Array, G: Array, tables: Array, sizes: Sizes) -> Array:
    """Sums over the rows of a set of each of its columns: (terms, rows of the bundle, S, 1, G, D), float64."""
    S, _, groups, D = sizes
    rows, (m, how) = len(X), cut(sizes, len(X))
    terms, _ = TERMS[what]
    sums = empty((S, how["splits"], rows, terms, m, groups, D), X.dtype)
    scratch = empty((pool().n * terms * how["period"],), X.dtype)
    args = Sums(X=X, G=G, tables=tables, sums=sums, scratch=scratch, **how)
    column_sums(v, S * how["splits"], args, static=(what,))
    return sums.sum(axis=1, dtype=np.float64).sum(axis=3).transpose(2, 1, 0, 3, 4)[:, :, :, None]


def spread(values: Sequence[Any], sizes: Sizes, m: int, dtype: Any) -> Array:
    """Tables of a chunk for each set, from values that broadcast to (S, 1, G, D)."""
    S, _, G, D = sizes
    tables = np.empty((len(values), S, m, G, D), dtype)
    for table, value in zip(tables, values, strict=True):
        table[...] = value
    return tables


def middle(a: Array, b: Array, c: Array) -> Array:
    """The middle one of three, a shift against cancellation: one that lies far from all others is never taken."""
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def normalise(
    v: Vector, X: Array, gamma: Array, beta: Array, sizes: Sizes, eps: float, centre: bool
) -> tuple[Array, Saved]:
    S, R, G, D = sizes
    A = X.reshape(len(X), *sizes)
    m, how = cut(sizes, len(X))
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
    forward(v, S * how["splits"], Pass(X=X, G=X, out=Y, tables=tables, **how))
    return Y, (X, statistics)


def normalise_vjp(
    v: Vector, saved: Saved, gamma: Array, G_: Array, sizes: Sizes, centre: bool, wrt_x: bool, wrt_p: bool
) -> Cotangents:
    X, (mu, _, r, x_mean, a) = saved
    m, how = cut(sizes, len(X))
    g, gz, gx = summed(v, "backward", X, G_, spread([mu, *x_mean, r], sizes, m, X.dtype), sizes)
    g_p, mean, c, e = vjp_terms(g, gz, gx, gamma, r, a, sizes, centre=centre)
    g_p = g_p[0].astype(X.dtype), g_p[1].astype(X.dtype)
    if not wrt_x:
        return None, g_p if wrt_p else None
    p, q = r * r * a, r * r * c[1:]
    e = r * r * (e - 3 * a * c[1:])
    tangents = (t for each_k in zip(mean[1:], c[1:], x_mean, p, q, e, strict=True) for t in each_k)
    tables = spread([mu, r, gamma, mean[0], c[0], *tangents], sizes, m, X.dtype)
    GX = empty(X.shape, X.dtype)
    backward(v, sizes[0] * how["splits"], Pass(X=X, G=G_, out=GX, tables=tables, **how))
    return GX, g_p if wrt_p else None


def column_sum(v: Vector, A: Array) -> Array:
    """Σ over all axes but the last."""
    C = A.shape[-1]
    sizes = 1, A.size // C, C, 1
    return summed(v, "plain", A.reshape(1, -1), A, A, sizes).reshape(C).astype(A.dtype)


def scale_shift(v: Vector, X: Array, scale: Array, shift: Array) -> Array:
    """The last pass of ``normalise`` with statistics 0 and 1, each row of the bundle a set: a tangent has no shift."""
    K, n, C = len(X), X[0].size, X.shape[-1]
    sizes = K, n // C, C, 1
    m, how = cut(sizes, 1)
    shifts = np.zeros((K, 1, C, 1), X.dtype)
    shifts[0] = shift[:, None]
    tables = spread([0, 1, scale[:, None], scale[:, None], shifts], sizes, m, X.dtype)
    Y = empty(X.shape, X.dtype)
    forward(v, K * how["splits"], Pass(X=X, G=X, out=Y, tables=tables, **how))
    return Y
