"""Eleven checks of the derivatives of a layer or a net, in float64; for users' own layers too.

    check_layer(MyLayer(...), shape=(8, 8, 3))      # of one sample's x; raises CheckFailed, or returns the worst errors

Points, tangents, cotangents and weights are random, from ``rng``. An error is relative to the norms of the compared arrays.
The bounds are in one table and do not depend on sizes. NaN never passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygan.checks.compare import finite_difference_error, l2_norm, relative_error, scaled
from tinygan.core.layer import Array, Layer, apply, modules, vjp
from tinygan.core.net import Net, flat
from tinygan.errors import ShapeError

BOUNDS = {
    "primal": 1e-13,  # y is the same with tangents as without: bit for bit but for the blocking of a larger GEMM
    "linear": 1e-12,  # ẏ is linear in ẋ
    "tangent": 1e-6,  # ẏ against central differences (1e-12 with step one where y is affine in x)
    "adjoint": 1e-12,  # ⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩: no differences
    "symmetry": 1e-9,  # ⟨curve(a), b⟩ = ⟨curve(b), a⟩, curve(ẋ) = ∂⟨u, Jẋ⟩/∂x: no differences
    "second": 1e-12,  # ⟨w, H(u, v)⟩ = ⟨∂⟨w, Ju⟩/∂x, v⟩, H(u, v) = H(v, u): no differences; only with a formula for H
    "pair": 1e-6,  # the gradients of ⟨ȳ, y⟩ + ⟨ẏ̄, ẏ⟩ in x, ẋ and θ at once, against differences
    "pure": 0.0,  # inputs are not written, and the same call gives the same bits
    "edges": 1e-3,  # no tangents, no samples, one sample, strided and read-only arrays; float32 against float64
    "shapes": 0.0,  # a wrong cotangent raises, an x that does not fit too; the message holds the shapes
    "independent": 0.0,  # two forwards in one step do not disturb each other
}
AFFINE_TANGENT = 1e-12
LAYOUT = 1e-12  # strided, Fortran-ordered and read-only arrays against contiguous ones


class CheckFailed(AssertionError):
    """A check above its bound."""


def check_layer(f: Layer, shape: tuple[int, ...], **options: Any) -> dict[str, float]:
    """``check_net`` of a net of one layer.   ``shape`` is that of one sample's x.

    check_layer(Conv2d(3, 8, 3, pad=1), shape=(8, 8, 3))["adjoint"]    # at most 1e-12
    """
    return check_net(Net(f), shape, **options)


def check_net(
    net: Net, shape: tuple[int, ...], *, K: int = 3, N: int = 4, rng: np.random.Generator | None = None
) -> dict[str, float]:
    """The worst error of each check in ``BOUNDS``, at a random x (N, *shape) with K tangents, in float64.

    The adjoint identity ⟨ȳ, J ẋ⟩ = ⟨Jᵀȳ, ẋ⟩ and ten others. Raises CheckFailed where an error is above its bound.
    """
    if K < 1 or N < 1:
        raise ValueError(f"check_net: needs at least one tangent and one sample: K={K}, N={N}")
    point = RandomPoint(net, shape, K, N, rng or np.random.default_rng(0))
    errors = {name: getattr(point, name)() for name in BOUNDS if name != "second" or _has_second(net.f)}
    for name, error in errors.items():
        bound = AFFINE_TANGENT if name == "tangent" and point.affine else BOUNDS[name]
        if not error <= bound:
            raise CheckFailed(
                f"{_title(net)} fails {name!r}: error {error:.1e}, bound {bound:.0e}; x (N={N}, {shape}), K={K}"
            )
    return errors


class RandomPoint:
    """One net at a random x, ẋ, θ. For each row of BOUNDS a method returns its error."""

    def __init__(self, net: Net, shape: tuple[int, ...], K: int, N: int, rng: np.random.Generator) -> None:
        self.shape, self.K, self.N, self.rng = shape, K, N, rng
        theta = net.init(rng, np.float64)
        self.theta = theta + 0.1 * rng.normal(size=theta.shape)  # away from special values such as 0 and 1
        self.running = net.init_running(self.theta, rng)
        self.key = int(rng.integers(2**31))
        self.source = net
        self.net = net.bind(self.running, np.random.default_rng(self.key))
        self.affine = all(f.affine for f in modules(net.f))
        self.x, self.x_dot = self.draw(N, *shape), self.draw(K, N, *shape)
        self.gy, self.gy_dot = self.cotangents()

    def draw(self, *shape: int) -> Array:
        return self.rng.normal(size=shape)

    def cotangents(self) -> tuple[Array, Array]:
        out = self.net.out_shape(self.shape)
        return self.draw(self.N, *out), self.draw(self.K, self.N, *out)

    def primal(self) -> float:
        y, _ = self.net.forward(self.theta, self.x)
        z, _, _ = self.net.jvp(self.theta, self.x, self.x_dot)
        return relative_error(z, y)

    def linear(self) -> float:
        a, b = self.draw(2, self.N, *self.shape)
        _, y_dot, _ = self.net.jvp(self.theta, self.x, np.stack([a, b, 3 * a - 2 * b]))
        return relative_error(3 * y_dot[0] - 2 * y_dot[1], y_dot[2], np.abs(y_dot).max(initial=0))

    def tangent(self) -> float:
        if self.affine:
            v = self.x_dot[0]
            up, down = (self.net.forward(self.theta, self.x + s * v)[0] for s in (1, -1))
            return relative_error(
                self.net.jvp(self.theta, self.x, v[None])[1][0], (up - down) / 2, np.abs(up).max(initial=0)
            )

        def compare() -> tuple[Callable[[float], Array], Array, float]:
            x, v = self.draw(2, self.N, *self.shape)
            y_dot = self.net.jvp(self.theta, x, v[None])[1][0]
            return lambda t: self.net.forward(self.theta, x + t * v)[0], y_dot, float(np.abs(y_dot).max(initial=0))

        return finite_difference_error(compare, BOUNDS["pair"])

    def adjoint(self) -> float:
        _, y_dot, saved = self.net.jvp(self.theta, self.x, self.x_dot)
        back = self.net.backward(self.theta, saved, self.gy, np.zeros_like(y_dot), wrt_theta=False)
        return max(
            scaled((self.gy * w).sum() - (back.x * v).sum(), l2_norm(self.gy) * l2_norm(w))
            for v, w in zip(self.x_dot, y_dot, strict=True)
        )

    def symmetry(self) -> float:
        a, b = self.x_dot[:2] if self.K > 1 else self.draw(2, self.N, *self.shape)
        u, zero = self.gy[None], np.zeros_like(self.gy)

        def curve(v: Array) -> Array:
            saved = self.net.jvp(self.theta, self.x, v[None])[2]
            return self.net.backward(self.theta, saved, zero, u, wrt_theta=False).x

        ca, cb = curve(a), curve(b)
        return scaled((ca * b).sum() - (cb * a).sum(), l2_norm(ca) * l2_norm(b) + l2_norm(cb) * l2_norm(a))

    def second(self) -> float:
        _, v = x_dot = self.draw(2, self.N, *self.shape)
        first, y_dot, saved = self.net.jvp(self.theta, self.x, x_dot[:1])
        curve = self.net.backward(self.theta, saved, np.zeros_like(first), self.gy[None], wrt_theta=False).x
        y, tangents, (uv, vu) = self.net.second_derivative(self.theta, self.x, x_dot, ((0, 1), (1, 0)))
        both = l2_norm(self.gy) * l2_norm(uv) + l2_norm(curve) * l2_norm(v)
        error = scaled((self.gy * uv).sum() - (curve * v).sum(), both)
        return max(relative_error(y, first), relative_error(tangents[0], y_dot[0]), relative_error(uv, vu), error)

    def pair(self) -> float:
        def compare() -> tuple[Callable[[float], Array], Array, float]:
            place = self.draw(self.N, *self.shape), self.draw(self.K, self.N, *self.shape), self.theta
            way = tuple(self.draw(*a.shape) for a in place)
            x, x_dot, theta = place

            def objective(t: float) -> Array:
                y, y_dot, _ = self.net.jvp(theta + t * way[2], x + t * way[0], x_dot + t * way[1])
                return np.array((self.gy * y).sum() + (self.gy_dot * y_dot).sum())

            saved = self.net.jvp(theta, x, x_dot)[2]
            back = self.net.backward(theta, saved, self.gy, self.gy_dot)
            slope = np.array(sum(float((g * v).sum()) for g, v in zip(back, way, strict=True)))
            return objective, slope, sum(l2_norm(g) for g in back)

        return finite_difference_error(compare, BOUNDS["pair"])

    def pure(self) -> float:
        given: list[tuple[Array, Array]] = [(self.theta, self.theta.copy())]

        def remember(A: Array) -> Array:
            given.append((A, A.copy()))
            return A

        first, second = self.run(dress=remember), self.run()
        same = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
        unchanged = all(np.array_equal(a, b) for a, b in given)
        return 0.0 if same and unchanged else math.inf

    def edges(self) -> float:
        y, x, x_dot, theta = self.run()
        for dress in (_strided, np.asfortranarray, _read_only):
            again = self.run(dress=dress)
            if not max(relative_error(a, b) for a, b in zip(again, (y, x, x_dot, theta), strict=True)) <= LAYOUT:
                return math.inf
        single = self.run(dtype=np.float32)
        errors = [relative_error(a, b) for a, b in zip(single, (y, x, x_dot, theta), strict=True)]
        if any(a.dtype != np.float32 for a in single):
            return math.inf
        for N in (0, 1):
            z, saved = self.net.forward(self.theta, self.x[:N])
            back = self.net.backward(self.theta, saved, np.ones_like(z))
            fits = z.shape == (N, *y.shape[2:]) and back.x.shape == (N, *self.shape) and back.x_dot.shape[0] == 0
            errors.append(0.0 if fits and np.isfinite(z).all() and np.isfinite(back.theta).all() else math.inf)
        return max(errors)

    def shapes(self) -> float:
        other = (*self.shape[:-1], self.shape[-1] + 1)
        try:
            self.net.forward(self.theta, self.draw(self.N, *other))  # a layer that takes any shape may accept it
        except ShapeError as error:
            if f"(N, {', '.join(map(str, other))})" not in str(error):
                return math.inf
        except (ValueError, IndexError, TypeError):
            return math.inf
        _, saved = self.net.forward(self.theta, self.x)
        wrong = (*self.gy.shape[:-1], self.gy.shape[-1] + 1)
        try:
            self.net.backward(self.theta, saved, np.ones(wrong))
        except ShapeError as error:
            # A cotangent of the net travels as a bundle of one row.
            return 0.0 if str((1, *wrong)) in str(error) and str((1, *self.gy.shape)) in str(error) else math.inf
        return math.inf

    def independent(self) -> float:
        _, saved = self.net.forward(self.theta, self.x)
        alone = self.net.backward(self.theta, saved, self.gy)
        _, saved = self.net.forward(self.theta, self.x)
        self.net.jvp(self.theta, 2 * self.x, self.x_dot)
        after = self.net.backward(self.theta, saved, self.gy)
        return 0.0 if all(np.array_equal(a, b) for a, b in zip(alone, after, strict=True)) else math.inf

    def run(self, *, dtype: Any = np.float64, dress: Callable[[Array], Array] = lambda a: a) -> tuple[Array, ...]:
        """(Y, x̄, ẋ̄, θ̄) of one jvp and its backward; bundles have the ``dtype``, and ``dress`` sets their memory layout."""
        net = self.source.bind(self.running.astype(dtype), np.random.default_rng(self.key))
        theta = self.theta.astype(dtype)
        X = dress(np.concatenate([self.x[None], self.x_dot]).astype(dtype))
        G = dress(np.concatenate([self.gy[None], self.gy_dot]).astype(dtype))
        Y, saved = apply(net.f, net.params(theta), X)
        GX, g = vjp(net.f, net.params(theta), saved, G)
        return Y, GX[0], GX[1:], flat(g, dtype)


def _strided(X: Array) -> Array:
    """The same values at twice the stride, backwards."""
    wide = np.zeros((*X.shape[:-1], 2 * X.shape[-1]), X.dtype)
    wide[..., ::-2] = X
    return wide[..., ::-2]


def _read_only(X: Array) -> Array:
    X = X.copy()
    X.flags.writeable = False
    return X


def _has_second(f: Layer) -> bool:
    return not any(leaf.curved and type(leaf).second_derivative is Layer.second_derivative for leaf in modules(f))


def _title(net: Net) -> str:
    return ", ".join(type(f).__name__ for f in net.f.children)  # type: ignore[attr-defined]
