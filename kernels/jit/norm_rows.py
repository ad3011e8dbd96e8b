"""Normalisation of single rows (layer and pixel norm): each row is read once, and finished while it is in the cache.

x is (S, 1, G, D): S·G rows of D numbers, row i with γ, β number i mod G. Sums run over blocks in the vector's dtype and over
blocks in float64. γ̄ and β̄ are sums over rows, in as many accumulators as γ has numbers for each part; parts are cut by shape.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from tinygan.kernels.jit.compile import Int, Loop, Real, Reals, kernel
from tinygan.kernels.jit.elementwise import each, totals
from tinygan.kernels.jit.memory import empty
from tinygan.kernels.jit.norm_kernels import gx_point, gx_tangent, y_point, y_tangent
from tinygan.kernels.jit.vector import Vector, at, clear
from tinygan.kernels.shapes import Array, Cotangents, Saved, Sizes

BLOCK = 512  # numbers of a row that are added up in the vector's dtype
NEAR = 4096  # numbers of some rows of x, which stay near while the bundle's tangents come by


@numba.njit(inline="always")
def middle(x, D):
    """The middle one of three, as in norm.py."""
    a, b, c = x[0] + 0.0, x[D // 2] + 0.0, x[D - 1] + 0.0
    return max(min(a, b), min(max(a, b), c))


class Forward(NamedTuple):
    """The arguments of ``forward``."""

    X: Reals  # a bundle of ``rows`` rows of ``n`` numbers: ``sets`` rows of D
    Y: Reals
    gamma: Reals  # (groups, D)
    beta: Reals
    statistics: Reals  # (1 + 2 rows, sets)
    n: Int
    rows: Int
    sets: Int
    groups: Int
    D: Int
    parts: Int
    centre: Int
    eps: Real


class Backward(NamedTuple):
    """The arguments of ``backward``."""

    X: Reals
    G: Reals
    GX: Reals
    gamma: Reals  # (groups, D)
    g_p: Reals  # (parts, 2, groups, D)
    statistics: Reals
    n: Int
    rows: Int
    sets: Int
    groups: Int
    D: Int
    parts: Int
    centre: Int
    wrt_x: Int
    wrt_p: Int


@kernel
def forward(v: Vector) -> Loop:
    """Y, and the statistics μ, variance, r, ⟨ẋ⟩, ⟨zẋ⟩ of each row."""
    moments = totals(v, 2, lambda x, s, x_dot, s_dot: (x_dot - s_dot, (x - s) * (x_dot - s_dot)))
    point = each(v, lambda x, mu, r, gamma, beta: y_point(x, mu, r * gamma, beta))
    tangent = each(v, y_tangent)

    def run(part, thread, args: Forward):
        X, Y, gamma, beta, statistics = args.X, args.Y, args.gamma, args.beta, args.statistics
        n, rows, sets, groups, D, parts = args.n, args.rows, args.sets, args.groups, args.D, args.parts
        last, some = (part + 1) * sets // parts, max(1, NEAR // D)
        for block in range(part * sets // parts, last, some):
            for k in range(rows):
                for i in range(block, min(block + some, last)):
                    x, xk, yk = at(X, i * D), at(X, i * D + k * n), at(Y, i * D + k * n)
                    g, b = at(gamma, i % groups * D), at(beta, i % groups * D)
                    shift, shift_k = 0.0, 0.0
                    if args.centre:
                        shift, shift_k = middle(x, D), middle(xk, D)
                    first, second = 0.0, 0.0
                    for j in range(0, D, BLOCK):
                        s = moments((at(x, j), shift, at(xk, j), shift_k), min(BLOCK, D - j))
                        first, second = first + s[0], second + s[1]
                    mean = first / D if args.centre else 0.0
                    if k == 0:
                        mu, var = shift + mean, max(second / D - mean * mean, 0.0)
                        r = 1 / math.sqrt(var + args.eps)
                        statistics[i], statistics[sets + i], statistics[2 * sets + i] = mu, var, r
                        point((x, mu, r, g, b), (yk,), D)
                    else:
                        mu, r = statistics[i] + 0.0, statistics[2 * sets + i] + 0.0
                        a = r * (second / D - (mu - shift) * mean)
                        mean += shift_k
                        at(statistics, (2 + k) * sets)[i], at(statistics, (1 + rows + k) * sets)[i] = mean, a
                        tangent((x, mu, r, g, xk, mean, a), (yk,), D)

    return run


@kernel
def backward(v: Vector) -> Loop:
    """X̄, and each part's γ̄ and β̄, from the rows' statistics."""

    def each_term(x, mu, r, gamma, g, x_dot, m):
        u = gamma * g
        return u, u * ((x - mu) * r), u * (x_dot - m)

    terms = totals(v, 3, each_term)
    point, tangent = each(v, gx_point), each(v, gx_tangent)
    add = each(v, lambda x, mu, r, g, c, b: (c + g * ((x - mu) * r), b + g))
    add_tangent = each(v, lambda x, mu, r, g, x_dot, m, a, c: c + g * (r * (x_dot - m - a * ((x - mu) * r))))

    def run(part, thread, args: Backward):
        X, G, GX, gamma, statistics = args.X, args.G, args.GX, args.gamma, args.statistics
        n, rows, sets, groups, D, parts = args.n, args.rows, args.sets, args.groups, args.D, args.parts
        own = at(args.g_p, part * 2 * groups * D)
        if args.wrt_p:
            clear(own, 2 * groups * D)
        last, some = (part + 1) * sets // parts, max(1, NEAR // D)
        for block in range(part * sets // parts, last, some):
            for k in range(rows):
                for i in range(block, min(block + some, last)):
                    x, xk, g = at(X, i * D), at(X, i * D + k * n), at(G, i * D + k * n)
                    column = i % groups * D
                    scale, gamma_bar, beta_bar = at(gamma, column), at(own, column), at(own, groups * D + column)
                    mu, r, mean, a = statistics[i] + 0.0, statistics[2 * sets + i] + 0.0, 0.0, 0.0
                    if k > 0:
                        mean, a = statistics[(2 + k) * sets + i] + 0.0, statistics[(1 + rows + k) * sets + i] + 0.0
                    if args.wrt_p and k == 0:
                        add((x, mu, r, g, gamma_bar, beta_bar), (gamma_bar, beta_bar), D)
                    elif args.wrt_p:
                        add_tangent((x, mu, r, g, xk, mean, a, gamma_bar), (gamma_bar,), D)
                    if args.wrt_x:
                        m, c, e = 0.0, 0.0, 0.0
                        for j in range(0, D, BLOCK):
                            s = terms((at(x, j), mu, r, at(scale, j), at(g, j), at(xk, j), mean), min(BLOCK, D - j))
                            m, c, e = m + s[0], c + s[1], e + s[2]
                        m, c, e = m / D if args.centre else 0.0, c / D, e / D
                        gx = at(GX, i * D)
                        if k == 0:
                            point((x, mu, r, scale, g, m, c), (gx,), D)
                        else:
                            p, q, e = r * r * a, r * r * c, r * r * (e - 3 * a * c)
                            tangent((x, mu, r, scale, g, m, c, xk, mean, p, q, e, gx), (at(gx, k * n), gx), D)

    return run


def parts(sets: int, D: int) -> int:
    """Parts of at least 4096 numbers, at most 64."""
    return max(1, min(64, sets * D >> 12, sets))


def normalise(
    v: Vector, X: Array, gamma: Array, beta: Array, sizes: Sizes, eps: float, centre: bool
) -> tuple[Array, Saved]:
    S, _, G, D = sizes
    Y, n, rows = empty(X.shape, X.dtype), X[0].size, len(X)
    statistics = empty((1 + 2 * rows, S, 1, G, 1), X.dtype)
    cut = parts(S * G, D)
    args = Forward(
        X=X, Y=Y, gamma=gamma, beta=beta, statistics=statistics, n=n, rows=rows, sets=S * G, groups=G, D=D, parts=cut,
        centre=int(centre), eps=eps,
    )  # fmt: skip
    forward(v, cut, args)
    return Y, (X, (*statistics[:3], statistics[3 : 2 + rows], statistics[2 + rows :]))


def normalise_vjp(
    v: Vector, saved: Saved, gamma: Array, G_: Array, sizes: Sizes, centre: bool, wrt_x: bool, wrt_p: bool
) -> Cotangents:
    X, (mu, var, r, x_mean, a) = saved
    S, _, G, D = sizes
    n, rows, cut = X[0].size, len(X), parts(S * G, D)
    statistics = np.concatenate([mu[None], var[None], r[None], x_mean, a], dtype=X.dtype)
    GX = empty(X.shape if wrt_x else (1,), X.dtype)
    g_p = empty((cut, 2, G * D), X.dtype)
    args = Backward(
        X=X, G=G_, GX=GX, gamma=gamma, g_p=g_p, statistics=statistics, n=n, rows=rows, sets=S * G, groups=G, D=D, parts=cut,
        centre=int(centre), wrt_x=int(wrt_x), wrt_p=int(wrt_p),
    )  # fmt: skip
    backward(v, cut, args)
    return GX if wrt_x else None, tuple(g_p.sum(axis=0, dtype=np.float64).astype(X.dtype)) if wrt_p else None
