"""Charts y = F(z), and their first and second derivatives.   z (N, n), y (N, D)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from tinygan.core.layer import Array, Pairs, modules
from tinygan.core.net import Net
from tinygan.errors import Diverged, UsageError
from tinygan.layers.noise import Random
from tinygan.layers.norm import BatchNorm

SAMPLES = 256  # points and tangents in one pass of a net, which limits memory
PAIRS = 64


class Chart(Protocol):
    """A map F with its derivatives. Row m of y depends on z[m] only."""

    def jvp(self, z: Array, z_dot: Array) -> tuple[Array, Array]:
        """y (N, D) and J ż (K, N, D).   z_dot (K, N, n)."""

    def vjp(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        """y (N, D), and ȳ (N, D) ↦ Jᵀȳ (N, n)."""

    def second_derivative(self, z: Array, z_dot: Array, pairs: Pairs) -> tuple[Array, Array, Array]:
        """y, J ż and ∂²F[żᵢ, żⱼ] (P, N, D) of each (i, j) in ``pairs``, as ``Net.second_derivative``."""


class Generator:
    """F(z) = net(z; θ) with flattened images, in float64.

    ``shape`` is the shape of one latent, if it is not (n,). Raises UsageError for a net with batch statistics or noise.
    """

    def __init__(self, net: Net, theta: Array, shape: tuple[int, ...] = (-1,)) -> None:
        for f in modules(net.f):
            if isinstance(f, BatchNorm | Random):
                why = "an image depend on its batch" if isinstance(f, BatchNorm) else "an image random"
                raise UsageError(f"{type(f).__name__} makes {why}, so there is no chart; use net.eval(running)")
        self.net, self.theta, self.shape = net, theta.astype(np.float64), shape

    def jvp(self, z: Array, z_dot: Array) -> tuple[Array, Array]:
        y, y_dot, _ = self.net.jvp(self.theta, self._x(z), self._x(z_dot))
        return _flat(y, 1), _flat(y_dot, 2)

    def vjp(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        y, saved = self.net.forward(self.theta, self._x(z))

        def pullback(gy: Array) -> Array:
            gx: Array = self.net.backward(self.theta, saved, gy.reshape(y.shape), wrt_theta=False).x
            return gx.reshape(z.shape)

        return _flat(y, 1), pullback

    def second_derivative(self, z: Array, z_dot: Array, pairs: Pairs) -> tuple[Array, Array, Array]:
        y, y_dot, y_ddot = self.net.second_derivative(self.theta, self._x(z), self._x(z_dot), pairs)
        return _flat(y, 1), _flat(y_dot, 2), _flat(y_ddot, 2)

    def _x(self, z: Array) -> Array:
        return z if self.shape == (-1,) else z.reshape(*z.shape[:-1], *self.shape)


class Composed:
    """f∘F, as a function of z:  ∂ᵢ(f∘F) = f' ∂ᵢF,  ∂ᵢ∂ⱼ(f∘F) = f''[∂ᵢF, ∂ⱼF] + f' ∂ᵢ∂ⱼF."""

    def __init__(self, f: Chart, F: Chart) -> None:
        self.f, self.F = f, F

    def jvp(self, z: Array, z_dot: Array) -> tuple[Array, Array]:
        return self.f.jvp(*self.F.jvp(z, z_dot))

    def vjp(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        y, pullback = self.F.vjp(z)
        value, back = self.f.vjp(y)
        return value, lambda g: pullback(back(g))

    def second_derivative(self, z: Array, z_dot: Array, pairs: Pairs) -> tuple[Array, Array, Array]:
        y, y_dot, y_ddot = self.F.second_derivative(z, z_dot, pairs)
        value, f_dot, f_ddot = self.f.second_derivative(y, y_dot, pairs)
        return value, f_dot, f_ddot + self.f.jvp(y, y_ddot)[1]


def jacobian(F: Chart, z: Array) -> Array:
    """J (N, D, n) = ∂F/∂z, one tangent for each column.   z (N, n). Raises UsageError, Diverged."""
    return np.concatenate(list(jacobians(F, z)))


def jacobians(F: Chart, z: Array) -> Iterator[Array]:
    """The rows of ``jacobian`` block by block, for results that need less memory than J."""
    z = latents(z)
    axes = np.eye(z.shape[1])
    first = 0
    for some in _blocks(z, SAMPLES // len(axes)):
        columns = [F.jvp(some, _spread(way, some))[1] for way in _blocks(axes, SAMPLES)]
        yield finite("∂F", np.concatenate(columns).transpose(1, 2, 0), first)
        first += len(some)


def derivatives(F: Chart, z: Array) -> tuple[Array, Array]:
    """∂ᵢF (N, D, n) and ∂ᵢ∂ⱼF (N, D, n, n).   z (N, n). Raises UsageError, Diverged."""
    z = latents(z)
    n = z.shape[1]
    J = jacobian(F, z)
    H = np.empty((*J.shape, n))
    axes = np.eye(n)
    for pairs in _blocks(np.stack(np.triu_indices(n), axis=1), PAIRS):
        used, at = np.unique(pairs, return_inverse=True)
        i, j = at.reshape(pairs.shape).T
        some = SAMPLES // (len(used) + len(pairs))
        parts = [F.second_derivative(part, _spread(axes[used], part), (i, j))[2] for part in _blocks(z, some)]
        y_ddot = np.concatenate(parts, axis=1)
        for (a, b), column in zip(pairs, y_ddot, strict=True):
            H[..., a, b] = H[..., b, a] = column
    return J, finite("∂²F", H)


def latents(z: Array, what: str = "latents") -> Array:
    """z (N, n) in float64, finite, N and n at least 1. Raises UsageError."""
    z = np.asarray(z)
    if z.ndim != 2 or z.size == 0 or z.dtype.kind != "f" or not np.isfinite(z).all():
        raise UsageError(f"{what} are {z.dtype} {z.shape}; expected finite floats (N, n), N and n at least 1")
    return z.astype(np.float64)


def finite(what: str, a: Array, first: int = 0) -> Array:
    """``a`` (N, ...), values at the latents from number ``first`` on. Raises Diverged if one is not finite."""
    bad = ~np.isfinite(a).reshape(len(a), -1).all(axis=1)
    if bad.any():
        at = first + int(bad.argmax())
        raise Diverged(
            f"{what} holds a NaN or an infinity at latent {at}; has the generator diverged? Go back to a checkpoint"
        )
    return a


def _blocks(a: Array, size: int) -> Iterator[Array]:
    size = max(size, 1)
    return (a[start : start + size] for start in range(0, len(a), size))


def _spread(way: Array, z: Array) -> Array:
    """Each direction of ``way`` (K, n) at each of z (N, n): (K, N, n)."""
    return np.broadcast_to(way[:, None], (len(way), *z.shape))


def _flat(a: Array, lead: int) -> Array:
    return a.reshape(*a.shape[:lead], -1)
