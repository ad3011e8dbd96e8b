"""Normalisation of single rows (layer and pixel norm): each is read once, and its sums and result made while it is near.

x is (S, 1, G, D): S·G rows of D numbers, row i with γ, β number i mod G. Sums run over blocks in the vector's dtype and over
blocks in float64. γ̄ and β̄ are sums over rows, in as many accumulators as γ has numbers for each part; parts are cut by shape.
"""

import math

import numpy as np

from tinygan.kernels.jit_build import Int, Real, Reals, kernel
from tinygan.kernels.jit_lanes import each, totals
from tinygan.kernels.jit_memory import empty
from tinygan.kernels.jit_norm import gx_point, gx_tangent, y_point, y_tangent
from tinygan.kernels.jit_vector import at, clear

BLOCK = 512


@kernel
def forward(v):
    """Y, and the statistics μ, variance, r, ⟨ẋ⟩, ⟨zẋ⟩ of each row."""
    moments = totals(v, 2, lambda x, s, x_dot, s_dot: (x_dot - s_dot, (x - s) * (x_dot - s_dot)))
    point, tangent = each(v, y_point), each(v, y_tangent)

    def run(
        part, thread, X: Reals, Y: Reals, gamma: Reals, beta: Reals, statistics: Reals,
        n: Int, rows: Int, sets: Int, groups: Int, D: Int, parts: Int, centre: Int, eps: Real
    ):  # fmt: skip
        for i in range(part * sets // parts, (part + 1) * sets // parts):
            x, y, g, b = at(X, i * D), at(Y, i * D), at(gamma, i % groups * D), at(beta, i % groups * D)
            shift, mean, mu, r = 0.0, 0.0, 0.0, 0.0
            if centre:
                shift = x[0] + 0.0
            for k in range(rows):
                xk, yk, shift_k = at(x, k * n), at(y, k * n), 0.0
                if centre:
                    shift_k = xk[0] + 0.0
                first, second = 0.0, 0.0
                for j in range(0, D, BLOCK):
                    s = moments((at(x, j), shift, at(xk, j), shift_k), min(BLOCK, D - j))
                    first, second = first + s[0], second + s[1]
                mean_k = 0.0
                if centre:
                    mean_k = first / D
                if k == 0:
                    mean = mean_k
                second = second / D - mean * mean_k
                mean_k += shift_k
                if k == 0:
                    second = max(second, 0.0)
                    mu, r = mean_k, 1 / math.sqrt(second + eps)
                    statistics[i], statistics[sets + i], statistics[2 * sets + i] = mu, second, r
                    point((x, mu, r, g, b), (y,), D)
                else:
                    at(statistics, (2 + k) * sets)[i] = mean_k
                    at(statistics, (1 + rows + k) * sets)[i] = r * second
                    tangent((x, mu, r, g, xk, mean_k, r * second), (yk,), D)

    return run


@kernel
def backward(v):
    """X̄, and each part's γ̄ and β̄, from the rows' statistics."""
    terms = totals(v, 2, lambda x, mu, r, gamma, g: (gamma * g, gamma * g * ((x - mu) * r)))
    more = totals(v, 1, lambda gamma, g, x_dot, m: gamma * g * (x_dot - m))
    point, tangent = each(v, gx_point), each(v, gx_tangent)
    add = each(v, lambda x, mu, r, g, c, b: (c + g * ((x - mu) * r), b + g))
    add_tangent = each(v, lambda x, mu, r, g, x_dot, m, a, c: c + g * (r * (x_dot - m - a * ((x - mu) * r))))

    def run(
        part, thread, X: Reals, G: Reals, GX: Reals, gamma: Reals, g_p: Reals, statistics: Reals,
        n: Int, rows: Int, sets: Int, groups: Int, D: Int, parts: Int, centre: Int, wrt_x: Int, wrt_p: Int
    ):  # fmt: skip
        own = at(g_p, part * 2 * groups * D)
        if wrt_p:
            clear(own, 2 * groups * D)
        for i in range(part * sets // parts, (part + 1) * sets // parts):
            x, g, gx, column = at(X, i * D), at(G, i * D), at(GX, i * D), i % groups * D
            scale, gamma_bar, beta_bar = at(gamma, column), at(own, column), at(own, groups * D + column)
            mu, r = statistics[i], statistics[2 * sets + i]
            if wrt_p:
                add((x, mu, r, g, gamma_bar, beta_bar), (gamma_bar, beta_bar), D)
            for k in range(rows):
                xk, gk, gxk = at(x, k * n), at(g, k * n), at(gx, k * n)
                mean, a = 0.0, 0.0
                if k > 0:
                    mean, a = statistics[(2 + k) * sets + i] + 0.0, statistics[(1 + rows + k) * sets + i] + 0.0
                    if wrt_p:
                        add_tangent((x, mu, r, gk, xk, mean, a, gamma_bar), (gamma_bar,), D)
                if wrt_x:
                    m, c, e = 0.0, 0.0, 0.0
                    for j in range(0, D, BLOCK):
                        count = min(BLOCK, D - j)
                        s = terms((at(x, j), mu, r, at(scale, j), at(gk, j)), count)
                        m, c = m + s[0], c + s[1]
                        if k > 0:
                            e += more((at(scale, j), at(gk, j), at(xk, j), mean), count)[0]
                    m, c, e = m / D * centre, c / D, e / D
                    if k == 0:
                        point((x, mu, r, scale, g, m, c), (gx,), D)
                    else:
                        p, q, e = r * r * a, r * r * c, r * r * (e - 3 * a * c)
                        tangent((x, mu, r, scale, gk, m, c, xk, mean, p, q, e, gx), (gxk, gx), D)

    return run


def parts(sets, D):
    """Parts of at least 4096 numbers, at most 64."""
    return max(1, min(64, sets * D >> 12, sets))


def normalise(v, X, gamma, beta, sizes, eps, centre):
    S, _, G, D = sizes
    Y, n, rows = empty(X.shape, X.dtype), X[0].size, len(X)
    statistics = empty((1 + 2 * rows, S, 1, G, 1), X.dtype)
    forward(v, parts(S * G, D), X, Y, gamma, beta, statistics, n, rows, S * G, G, D, parts(S * G, D), int(centre), eps)
    return Y, (X, (*statistics[:3], statistics[3 : 2 + rows], statistics[2 + rows :]))


def normalise_pull(v, saved, gamma, G_, sizes, centre, wrt_x, wrt_p):
    X, (mu, var, r, x_mean, a) = saved
    S, _, G, D = sizes
    n, rows, cut = X[0].size, len(X), parts(S * G, D)
    statistics = np.concatenate([mu[None], var[None], r[None], x_mean, a], dtype=X.dtype)
    GX = empty(X.shape if wrt_x else (1,), X.dtype)
    g_p = empty((cut, 2, G * D), X.dtype)
    wrt = int(wrt_x), int(wrt_p)
    backward(v, cut, X, G_, GX, gamma, g_p, statistics, n, rows, S * G, G, D, cut, int(centre), *wrt)
    return GX if wrt_x else None, tuple(g_p.sum(axis=0, dtype=np.float64).astype(X.dtype)) if wrt_p else None
