"""Shortest paths on the surface, and the point on it nearest to an image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.errors import UsageError
from tinygan.geometry.chart import Chart, finite, jacobian, latents
from tinygan.geometry.lbfgs import Matrix, minimise

SHORT = 1e-12  # relative to |y|²: a smaller energy is rounding
RIDGE = 1e-8  # relative to the mean metric, added before it is inverted, for it may be singular


class Geodesic(NamedTuple):
    """A path z (S+1, n), y = F(z) (S+1, D), and its properties. Lengths are in the units of y.

    ``length`` is that of the polygon y, ``distance`` that of the curve (Richardson's extrapolation from S and S/2 segments);
    ``energy`` is S/2 Σ|Δy|² >= length²/2, with equality at constant speed; ``straight`` is the length of the line in z.
    ``decrement`` is the estimated distance of ``energy`` from its minimum, after ``steps`` steps; ``converged``: it is small.
    """

    z: Array
    y: Array
    energy: float
    length: float
    distance: float
    straight: float
    decrement: float
    steps: int
    converged: bool


class Projection(NamedTuple):
    """The nearest z (n,) and y = F(z) (D,) found, its ``distance`` |y − image|, and the rest as in ``Geodesic``."""

    z: Array
    y: Array
    distance: float
    decrement: float
    steps: int
    converged: bool


def energy(F: Chart, z: Array) -> tuple[float, Array]:
    """E = S/2 Σ|F(zᵢ₊₁) − F(zᵢ)|² of a path z (S+1, n), and ∂E/∂zᵢ = S Jᵢᵀ(2yᵢ − yᵢ₋₁ − yᵢ₊₁), one-sided at the ends."""
    y, pullback = F.vjp(z)
    step = np.diff(y, axis=0)
    gy = np.zeros_like(y)
    gy[1:] += step
    gy[:-1] -= step
    return float(len(step) / 2 * (step * step).sum()), pullback(len(step) * gy)


def geodesic(
    F: Chart, a: Array, b: Array, *, segments: int = 32, tolerance: float = 1e-8, steps: int = 500
) -> Geodesic:
    """The path from a (n,) to b (n,) of locally minimal energy, found from the straight line: locally the shortest path.

    For a path between two images take ``project(F, image, starts).z`` of each. The gradient is exact; the initial inverse
    Hessian is that of a constant metric, the mean ḡ along the line: (S L ⊗ ḡ)⁻¹, L = tridiag(−1, 2, −1). ``tolerance`` is the
    estimated relative error of the path. A net with rectifiers has an energy with kinks; 1e-4 is realistic there.
    Raises UsageError.
    """
    ends = _pair(a, b)
    if segments < 2 or segments % 2 or steps < 0 or not tolerance > 0:
        rule = "expected an even number >= 2, steps >= 0, tolerance > 0"
        raise UsageError(f"segments is {segments}, steps {steps}, tolerance {tolerance}; {rule}")
    part = np.linspace(0, 1, segments + 1)[:, None]
    line = (1 - part) * ends[0] + part * ends[1]
    straight, inside = finite("F", F.vjp(line)[0]), line[1:-1]
    second = 2 * np.eye(segments - 1) - np.eye(segments - 1, k=1) - np.eye(segments - 1, k=-1)
    across, along = _inverse(jacobian(F, inside)), np.linalg.inv(second) / segments

    def path(x: Array) -> Array:
        return np.concatenate([line[:1], x.reshape(inside.shape), line[-1:]])

    def objective(x: Array) -> tuple[float, Array]:
        value, g = energy(F, path(x))
        return value, g[1:-1].reshape(-1)

    def inverse(g: Array) -> Array:
        return across(along @ g.reshape(inside.shape)).reshape(-1)

    scale = max(energy(F, line)[0], SHORT * float((straight * straight).sum()))
    low = minimise(objective, inside.reshape(-1), scale=scale, tolerance=tolerance, steps=steps, inverse=inverse)
    z = path(low.x)
    y, _ = F.vjp(z)
    fine, coarse = _length(y), _length(y[::2])
    curve = (4 * fine - coarse) / 3
    return Geodesic(z, y, low.value, fine, curve, _length(straight), low.decrement, low.steps, low.converged)


def project(F: Chart, image: Array, starts: Array, *, tolerance: float = 1e-8, steps: int = 500) -> Projection:
    """The z of least ½|F(z) − image|²: the lowest of the local minima found from each of ``starts`` (M, n).

    ``image`` has D numbers in any shape. The initial inverse Hessian is that of Gauss-Newton, (JᵀJ)⁻¹ at the start.
    Raises UsageError.
    """
    starts, image = latents(starts, "starts"), np.asarray(image)
    target = image.reshape(-1)
    D = F.vjp(starts[:1])[0].shape[1]
    if image.dtype.kind not in "fiu" or len(target) != D or not np.isfinite(target).all():
        raise UsageError(f"the image is {image.dtype} {image.shape}; expected {D} finite numbers, as F(z) has")

    def objective(z: Array) -> tuple[float, Array]:
        y, pullback = F.vjp(z[None])
        gap = y - target
        return float((gap * gap).sum() / 2), pullback(gap)[0]

    found = []
    for start in starts:
        scale = float((target * target).sum() + (F.vjp(start[None])[0] ** 2).sum()) / 2
        inverse = _inverse(jacobian(F, start[None]))
        found.append(minimise(objective, start, scale=scale, tolerance=tolerance, steps=steps, inverse=inverse))
    low = min(found, key=lambda minimum: minimum.value)
    y = F.vjp(low.x[None])[0][0]
    return Projection(low.x, y, float(np.sqrt(2 * low.value)), low.decrement, low.steps, low.converged)


def _inverse(J: Array) -> Matrix:
    """a (..., n) ↦ a ḡ⁻¹, ḡ the mean of JᵀJ; a ↦ a if ḡ is 0."""
    g = np.einsum("nda,ndb->ab", J, J) / len(J)
    size = np.trace(g) / len(g)
    inverse = np.linalg.inv(g + RIDGE * size * np.eye(len(g))) if size > 0 else np.eye(len(g))
    return lambda a: a @ inverse


def _length(y: Array) -> float:
    return float(np.sqrt((np.diff(y, axis=0) ** 2).sum(axis=1)).sum())


def _pair(a: Array, b: Array) -> Array:
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 1 or a.shape != b.shape:
        raise UsageError(f"the ends are {a.shape} and {b.shape}; expected two latents (n,)")
    return latents(np.stack([a, b]), "the ends")
