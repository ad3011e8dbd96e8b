"""Cases for every kernel on arrays and matrices; convolutions are in ``kernels.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tinygan.kernels import reference
from tinygan.kernels.cuda import plan_flat, plan_matmul, plan_norm
from tinygan.kernels.cuda.plan import Choice
from tinygan.kernels.cuda.plan_matmul import Matrices

BOUND = 2e-6  # relative error against float64
ADAM = {"b1": 0.5, "b2": 0.9, "eps": 1e-8}
FILES = ("pointwise.cu", "adam.cu", "norm.cu", "norm_vjp.cu", "matmul.cu")


class ArrayCase(NamedTuple):
    """An operation of one CUDA file on random arrays, and its first results in float64."""

    file: str
    name: str
    operation: Any
    arrays: dict[str, Any]
    want: list[Any]

    def error(self, found: list[Any]) -> float:
        """The largest ‖found − want‖ / ‖want‖ over the results; infinite for a NaN."""
        pairs = zip(found, self.want, strict=False)
        errors = [np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b) for a, b in pairs]
        return max(float(e) if np.isfinite(e) else float("inf") for e in errors)


def cases(large: bool = True) -> Iterator[ArrayCase]:
    """All cases, at sizes of several blocks and parts, or on small arrays."""
    rows = 2000 if large else 200
    for C in (36, 37):
        yield from matmul_cases(rows // 10, C)
        yield from flat_cases(rows, C)
        for K in (0, 1, 5):
            for sizes in ((1, rows, C, 1), (3, rows // 10, C // 12, 12), (7, 1, 1, C)):
                yield from norm_cases(K, sizes)


def matmul_cases(M: int, K: int) -> Iterator[ArrayCase]:
    """Three times two products, where two share their b, with splits and with both forms of b."""
    rng = np.random.default_rng(7)
    for tile, N in (("small", 2 * K), ("narrow", K // 3)):
        a, b = rng.standard_normal((3, 2, M, K), np.float32), rng.standard_normal((3, 1, K, N), np.float32)
        want = np.matmul(a.astype(np.float64), b)
        for form, lines in (("nn", b), ("nt", np.ascontiguousarray(b.swapaxes(2, 3)))):
            view = np.broadcast_to(b if form == "nn" else lines.swapaxes(2, 3), (3, 2, K, N))
            left, right = (Matrices.of(m.shape, m.strides) for m in (a, view))
            for arithmetic in ("fp32", "tf32x3"):
                choice = Choice(tile, 1 if K % 4 else 4, 2)
                operation = plan_matmul.matmul(left, right, arithmetic=arithmetic, choice=choice)
                yield ArrayCase(
                    "matmul.cu", f"matmul {form} {arithmetic} {tile}", operation, {"a": a, "b": lines}, [want]
                )


def flat_cases(N: int, C: int) -> Iterator[ArrayCase]:
    rng, n = np.random.default_rng(7), N * C if C % 4 == 0 else N * C + 1
    X, G = rng.standard_normal((2, 4, n), np.float32)
    for f in reference.POINTWISE:
        operations = plan_flat.pointwise(X.shape, f, 0.2), plan_flat.pointwise_dx(X.shape, f, 0.2)
        Y, S = reference.pointwise(X.astype(np.float64), f, 0.2)
        S = S.astype(np.float32)
        GX = reference.pointwise_dx(S.astype(np.float64), G.astype(np.float64), f, 0.2)
        yield ArrayCase("pointwise.cu", f"pointwise {f}", operations[0], {"s": X}, [Y])
        yield ArrayCase("pointwise.cu", f"pointwise_dx {f}", operations[1], {"s": S, "g": G}, [GX])
    x, y = X[0] ** 2, G[0] ** 2  # sums that do not cancel
    rows, (scale, shift) = x[: N * C].reshape(1, N, C), rng.standard_normal((2, C), np.float32)
    wide = {name: a.astype(np.float64) for name, a in (("x", x), ("y", y), ("rows", rows))}
    for name, operation, arrays, want in (
        ("combine", plan_flat.combine(n, 0.9, 0.1), {"x": x, "y": y}, 0.9 * wide["x"] + 0.1 * wide["y"]),
        (
            "flatten",
            plan_flat.flatten([n, 3, n - 1]),
            {"0": x, "1": y[:3], "2": y[1:].copy()},
            np.concatenate([x, y[:3], y[1:]]),
        ),
        ("dot", plan_flat.dot(n), {"x": x, "y": y}, np.array([wide["x"] @ wide["y"]])),
        ("column_sum", plan_flat.column_sum(rows.shape), {"a": rows}, reference.column_sum(wide["rows"])),
        (
            "scale_shift",
            plan_flat.scale_shift(rows.shape),
            {"x": rows, "scale": scale, "shift": shift},
            reference.scale_shift(wide["rows"], scale.astype(np.float64), shift),
        ),
    ):
        yield ArrayCase("pointwise.cu", name, operation, arrays, [want])
    yield from adam_cases(x, G)


def adam_cases(v: Any, G: Any) -> Iterator[ArrayCase]:
    theta, g, m, e = G
    rates = np.array([1e-2 / (1 - 0.5**3), 1 / (1 - 0.9**3)], np.float32)
    want = reference.adam(*(a.astype(np.float64) for a in (theta, g, m, v)), lr=1e-2, t=3, **ADAM)
    arrays = {"theta": theta, "g": g, "m": m, "v": v, "e": e, "rates": rates}
    for decay in (None, 0.99):
        average = [] if decay is None else [decay * e.astype(np.float64) + (1 - decay) * want[0]]
        operation = plan_flat.adam(theta.size, **ADAM, decay=decay)
        yield ArrayCase("adam.cu", "adam" if decay is None else "adam_ema", operation, arrays, [*want, *average])
    yield ArrayCase(
        "adam.cu",
        "adam_rates",
        plan_flat.adam_rates(1e-2, b1=ADAM["b1"], b2=ADAM["b2"]),
        {"t": np.array([3]).view(np.float32)},  # the int64 3, as float32 words of memory
        [np.array([1e-2 / (1 - 0.5**3), 1 / (1 - 0.9**3)])],
    )


def norm_cases(K: int, sizes: tuple[int, int, int, int]) -> Iterator[ArrayCase]:
    rng, shape = np.random.default_rng(7), (1 + K, *sizes)
    X, G = rng.standard_normal((2, *shape), np.float32)
    X[0] += 1000
    gamma, beta = rng.standard_normal((2, sizes[2] * sizes[3]), np.float32)
    wide = [a.astype(np.float64) for a in (X, gamma, beta, G)]
    Y, saved = reference.normalise(*wide[:3], sizes, 1e-5, centre=True)
    GX, parameters = reference.normalise_vjp(saved, wide[1], wide[3], sizes, centre=True)
    m, var, r, m_dot, a = saved[1]
    means = np.concatenate([m[None], m_dot])
    kept = (means, means - means.astype(np.float32), var, r, a)
    at = {name: s.astype(np.float32) for name, s in zip(plan_norm.SAVED, kept, strict=True)}
    forward = plan_norm.normalise(shape, sizes, 1e-5, centre=True)
    vjp = plan_norm.normalise_vjp(shape, sizes, centre=True)
    name = f"K={K} {sizes}"
    yield ArrayCase("norm.cu", f"normalise {name}", forward, {"x": X, "gamma": gamma, "beta": beta}, [Y])
    arrays = {"x": X, "g": G, "gamma": gamma, **at}
    yield ArrayCase("norm_vjp.cu", f"normalise_vjp {name}", vjp, arrays, [GX, np.stack(parameters)])
