"""Second order: Christoffel symbols, curvature and the Laplacian on the surface.   z (N, n).

∂ᵢ∂ⱼF = Γᵏᵢⱼ ∂ₖF + IIᵢⱼ, a tangential part and a normal one. Both are computed from J = QR and not from g = JᵀJ,
whose condition number is the square of that of J (do Carmo 1992, chapters 2 and 6).
"""

from __future__ import annotations

import numpy as np

from tinygan.core.layer import Array
from tinygan.errors import UsageError
from tinygan.geometry.chart import Chart, derivatives, finite, jacobian, latents

PARALLEL = 1e-12  # the sine of an angle: a smaller one is rounding


def christoffel(F: Chart, z: Array) -> Array:
    """Γᵏᵢⱼ = gᵏˡ⟨∂ᵢ∂ⱼF, ∂ₗF⟩ = R⁻¹Qᵀ∂ᵢ∂ⱼF (N, n, n, n), k first. Raises UsageError where g is singular."""
    J, H = derivatives(F, z)
    return _gamma(*_frame(J), H)


def second_fundamental(F: Chart, z: Array) -> Array:
    """IIᵢⱼ = (I − QQᵀ) ∂ᵢ∂ⱼF (N, D, n, n), normal vectors. Raises UsageError where g is singular."""
    J, H = derivatives(F, z)
    flat = H.reshape(*J.shape[:2], -1)
    return _normal(_frame(J)[0], flat).reshape(H.shape)


def sectional(F: Chart, z: Array, u: Array, v: Array) -> Array:
    """The curvature (N,) of the plane of tangents u, v (N, n) or (n,), by Gauss' equation in flat space:

    K = ⟨II(e₁,e₁), II(e₂,e₂)⟩ − |II(e₁,e₂)|²,    e₁, e₂ the plane's basis that is orthonormal in g.

    Raises UsageError where g is singular, or u and v are parallel.
    """
    z = latents(z)
    Q, R = _frame(jacobian(F, z))
    a, b = (np.einsum("nij,nj->ni", R, _tangent(name, way, z)) for name, way in (("u", u), ("v", v)))
    basis, across = np.linalg.qr(np.stack([a, b], axis=2))  # Q's coordinates: ⟨·,·⟩ is g
    area = np.abs(across[:, 0, 0] * across[:, -1, 1])
    parallel = area <= PARALLEL * np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    if basis.shape[2] < 2 or parallel.any():
        raise UsageError(f"u and v are parallel at latent {int(parallel.argmax())}; a plane needs two directions")
    way = np.linalg.solve(R, basis).transpose(2, 0, 1)
    bent = F.second_derivative(z, way, ([0, 1, 0], [0, 1, 1]))[2]
    uu, vv, uv = _normal(Q, finite("∂²F", bent.transpose(1, 2, 0))).transpose(2, 0, 1)
    return (uu * vv).sum(axis=1) - (uv * uv).sum(axis=1)


def laplace_beltrami(F: Chart, z: Array, gradient: Array, hessian: Array) -> Array:
    """Δf = gⁱʲ (∂ᵢ∂ⱼf − Γᵏᵢⱼ ∂ₖf) = 1/√g ∂ᵢ(√g gⁱʲ ∂ⱼf)  (N, ...).

    ``gradient`` (N, ..., n) and ``hessian`` (N, ..., n, n) of f in z. For a net f on images they are
    ``derivatives(Composed(Generator(f, θ_f, shape), F), z)``: Δ of each output, (N, m). Raises UsageError where g is singular.
    """
    J, H = derivatives(F, z)
    N, n = len(J), J.shape[2]
    gradient, hessian = np.asarray(gradient), np.asarray(hessian)
    if gradient.shape[:1] + gradient.shape[-1:] != (N, n) or hessian.shape != (*gradient.shape, n):
        expected = f"expected (N, ..., n) and (N, ..., n, n) with N = {N}, n = {n}"
        raise UsageError(f"the gradient of f is {gradient.shape}, its Hessian {hessian.shape}; {expected}")
    if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
        raise UsageError("the gradient of f or its Hessian holds a NaN or an infinity; expected finite numbers")
    Q, R = _frame(J)
    E = np.linalg.inv(R)  # its columns are orthonormal in g
    inverse = E @ E.transpose(0, 2, 1)
    bend = np.einsum("nij,nkij->nk", inverse, _gamma(Q, R, H))
    return np.einsum("nij,n...ij->n...", inverse, hessian) - np.einsum("nk,n...k->n...", bend, gradient)


def _frame(J: Array) -> tuple[Array, Array]:
    """Q (N, D, n), R (N, n, n) with J = QR; UsageError where J has not the rank n."""
    D, n = J.shape[1:]
    sigma = np.linalg.svd(J, compute_uv=False)
    rank = (sigma > sigma[:, :1] * max(D, n) * np.finfo(np.float64).eps).sum(axis=1)
    if (rank < n).any():
        at = int((rank < n).argmax())
        raise UsageError(
            f"the metric is singular at latent {at}: rank {rank[at]} of {n}; drop latents that change nothing"
        )
    Q, R = np.linalg.qr(J)
    return Q, R


def _tangent(name: str, way: Array, z: Array) -> Array:
    """``way`` (N, n) or (n,) at each of z (N, n)."""
    way = np.asarray(way)
    if way.dtype.kind not in "fiu" or way.shape not in (z.shape, z.shape[1:]) or not np.isfinite(way).all():
        raise UsageError(f"{name} is {way.dtype} {way.shape}; expected finite numbers {z.shape} or {z.shape[1:]}")
    return np.broadcast_to(way, z.shape)


def _gamma(Q: Array, R: Array, H: Array) -> Array:
    N, D, n, _ = H.shape
    return np.linalg.solve(R, Q.transpose(0, 2, 1) @ H.reshape(N, D, n * n)).reshape(N, n, n, n)


def _normal(Q: Array, a: Array) -> Array:
    """(I − QQᵀ) a.   a (N, D, m)."""
    return a - Q @ (Q.transpose(0, 2, 1) @ a)
