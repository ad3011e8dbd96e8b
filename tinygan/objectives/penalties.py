"""Penalties on derivatives of a net, all by one operation: the backward of a Jacobian-vector product (JVP).

``through_jvp`` is for a function of tangents J ẋ: one JVP and one backward with the cotangent of the tangents.

``through_vjp`` is for a function φ of g = Jᵀu. By the chain rule dφ = ⟨v, dg⟩ with v = ∇φ(g). With v constant
⟨v, dg⟩ = d⟨v, Jᵀu⟩ = d⟨u, J v⟩. So ∇θ φ(Jᵀu) = ∇θ⟨u, J v⟩: one JVP along v and one backward with u as the cotangent of the
tangent. Both gradients are exact, also through batch statistics.

An objective is a function that returns its value and its gradients. Norms ‖·‖ are over one sample, means over samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array, Saved, column, onehot
from tinygan.core.net import Net, Pullback
from tinygan.core.scalar import Scalar, scalar

OnTangents = Callable[[Array, Array], tuple[Scalar, Array, Array]]  # (y, ẏ) ↦ (value, ȳ, ẏ̄)
OnGradient = Callable[[Array], tuple[Scalar, Array]]  # g = Jᵀu ↦ (value, ∇φ(g))


def through_jvp(
    net: Net, theta: Array, x: Array, x_dot: Array, objective: OnTangents, **wrt: bool
) -> tuple[Scalar, Pullback]:
    """The value of objective(y, ẏ) at (y, ẏ) = (f(x), J ẋ), and its gradients in x, ẋ and θ.   x_dot (K, N, ...)."""
    y, y_dot, saved = net.jvp(theta, x, x_dot)
    value, gy, gy_dot = objective(y, y_dot)
    return value, net.backward(theta, saved, gy, gy_dot, **wrt)


def through_vjp(
    net: Net,
    theta: Array,
    x: Array,
    u: Array | None,
    objective: OnGradient,
    *,
    primal: tuple[Array, Saved] | None = None,
    gy: Array | None = None,
    **wrt: bool,
) -> tuple[Scalar, Pullback]:
    """The value of objective(g) at g = Jᵀu, and its gradients in x and θ.   u of the shape of y; None: ones.

    A loss on y itself can share the work: ``primal`` is net.forward(theta, x), if it is known, and ``gy`` the cotangent of y,
    whose gradients are added. The adjoint of u, ∂φ/∂u = J v, is not returned: u is a constant in every penalty below.

    A piecewise linear net has no second derivative. If y is then one number a sample, the cotangents for gy are those for g
    times r = gy/u: forward, backward, tangents and one gradient are 4 passes, where training without a penalty takes 3.
    """
    y, saved = primal or net.forward(theta, x)
    alone = gy is None or (y[:1].size <= 1 and (u is None or bool(u.all())))
    if u is None:
        u = np.ones_like(y)
    if net.piecewise_linear and alone:
        r = None if gy is None else (gy / u).reshape(len(x))
        g, recorded = net.backward_recording(theta, saved, u)
        value, v = objective(g)
        at_x = np.zeros_like(g) if r is None else column(r, g) * g
        gtheta = None
        if wrt.get("wrt_theta", True):
            gtheta = net.penalty_gradient(theta, saved, recorded, v if r is None else v + column(r, x) * x, r)
        return value, Pullback(at_x if wrt.get("wrt_x", True) else None, None, gtheta)
    g = net.backward(theta, saved, u, wrt_theta=False).x
    value, v = objective(g)
    _, _, saved = net.jvp(theta, x, v[None])
    return value, net.backward(theta, saved, np.zeros_like(y) if gy is None else gy, u[None], **wrt)


# ---------------------------------------------------------------- of g = ∇ₓ⟨u, D⟩


def gradient_penalty(
    D: Net, theta: Array, x: Array, objective: OnGradient, *, u: Array | None = None, **options: Any
) -> tuple[Scalar, Pullback]:
    """objective(∇ₓ Σₙ D(xₙ)). ``zero_centred`` at real x is R1, at fake x R2; ``one_centred`` between them is WGAN-GP, around
    real x DRAGAN. With batch statistics in D ∇ₓ includes the influence of each sample on all outputs.

    ``u`` (N, ...) selects the logit if D has more outputs; ``options`` are those of ``through_vjp``.
    """
    return through_vjp(D, theta, x, u, objective, **options)


def weighted(weight: float, objective: OnGradient) -> OnGradient:
    """An objective with the gradient of weight · objective and the value of objective, without the weight."""

    def scaled(g: Array) -> tuple[Scalar, Array]:
        value, v = objective(g)
        return value, weight * v

    return scaled


def of_first(n: int, objective: OnGradient) -> OnGradient:
    """The objective of the first n numbers of each g (N, d): of an image, if x is an image followed by its condition."""

    def part(g: Array) -> tuple[Scalar, Array]:
        value, v = objective(g[:, :n])
        return value, np.concatenate([v, np.zeros_like(g[:, n:])], axis=1)

    return part


def zero_centred(g: Array) -> tuple[Scalar, Array]:
    """½ E‖g‖²: R1 and R2   (Mescheder et al. 2018, eq. 9; times γ)."""
    return scalar(0.5 * _square(g).sum() / _count(g)), g / _count(g)


def one_centred(g: Array) -> tuple[Scalar, Array]:
    """E(‖g‖ − 1)²: WGAN-GP   (Gulrajani et al. 2017, eq. 3; times λ) and DRAGAN   (Kodali et al. 2017, §2.3)."""
    return centred(1.0)(g)


def centred(a: float) -> OnGradient:
    """E(‖g‖ − a)², ∇ = 2(‖g‖ − a) g/‖g‖; g/‖g‖ is set to 0 at g = 0, where it does not exist."""

    def objective(g: Array) -> tuple[Scalar, Array]:
        norm = np.sqrt(_square(g))
        unit = g / np.where(norm > 0, norm, 1)
        return scalar(((norm - a) ** 2).sum() / _count(g)), 2 * (norm - a) * unit / _count(g)

    return objective


def interpolate(real: Array, fake: Array, rng: np.random.Generator) -> Array:
    """x̂ = εx + (1 − ε)x̃, ε ~ U[0, 1] for each sample   (Gulrajani et al. 2017, alg. 1)."""
    e = column(rng.random(len(real)), real)
    return e * real + (1 - e) * fake


def perturb(real: Array, rng: np.random.Generator) -> Array:
    """x + std(x) (u − ½), u ~ U[0, 1] for each value, std over the batch   (Kodali et al. 2017, §2.3, as in the code
    of Kurach et al. 2019, which also clips the result to the range of pixels)."""
    return real + real.std() * (rng.random(real.shape) - 0.5).astype(real.dtype)


# ---------------------------------------------------------------- of a generator


def path_length(
    G: Net, theta: Array, z: Array, a: float, rng: np.random.Generator, **wrt: Any
) -> tuple[Scalar, Scalar, Pullback]:
    """E(‖Jᵀn‖ − a)², n ~ N(0, 1/HW) an image   (Karras et al. 2020, eq. 4, where a is the running mean of ‖Jᵀn‖).

    Returns the value, the mean of ‖Jᵀn‖ for the next a, and the pullback.
    """
    shape = G.out_shape(z.shape[1:])
    n = rng.standard_normal((len(z), *shape)).astype(z.dtype) / np.sqrt(np.prod(shape[:2], dtype=z.dtype))
    lengths: list[Scalar] = []

    def objective(g: Array) -> tuple[Scalar, Array]:
        lengths.append(scalar(np.sqrt(_square(g)).sum() / _count(g)))
        return centred(a)(g)

    value, pulled = through_vjp(G, theta, z, n, objective, **wrt)
    return value, lengths[0], pulled


def along_latent(x: Array, N: int, K: int | None = None, rng: np.random.Generator | None = None) -> Array:
    """Tangents eₖ (K, n, d) of inputs x (n, d), whose last N numbers are the latent: along all its N axes or, with ``rng``,
    along K of them, drawn without replacement, the same for every sample."""
    axes = np.arange(N, like=x)
    chosen = axes if rng is None else rng.permutation(N)[:K]
    x_dot = np.zeros((len(chosen), *x.shape), x.dtype, like=x)
    x_dot[:, :, x.shape[1] - N :] = (chosen[:, None] == axes)[:, None]
    return x_dot


def orthonormal(s: Scalar = 1.0, of: int | None = None) -> OnTangents:
    """E‖M‖²_F, M = JᵀJ − s²I, from tangents ẏₖ = J eₖ;  ẏ̄ = 4/n (W ∘ M) ẏ   (Qi et al. 2018, §3; s = 1 there).

    If the K tangents are a random choice of the N = ``of`` axes, the value is an unbiased estimate of that for all axes:
    an entry of the diagonal is among them with probability 1/W = K/N, another one with 1/W = K(K − 1)/(N(N − 1)).
    """

    def objective(y: Array, y_dot: Array) -> tuple[Scalar, Array, Array]:
        T, M = _gram(y_dot, s)
        W = _chances(len(y_dot), of, M)
        return scalar((W * M**2).sum() / _count(y)), np.zeros_like(y), _rows(4 / _count(y) * W * M, T, y_dot)

    return objective


def orthonormal_l1(s: Scalar = 1.0, of: int | None = None) -> OnTangents:
    """E‖M‖₁ / N², the mean of |JᵀJ − s²I|;  ẏ̄ = 2/(n N²) (W ∘ sign M) ẏ   (as in the authors' code for images)."""

    def objective(y: Array, y_dot: Array) -> tuple[Scalar, Array, Array]:
        T, M = _gram(y_dot, s)
        W = _chances(len(y_dot), of, M) / (_count(y) * (of or _count(y_dot)) ** 2)
        return scalar((W * np.abs(M)).sum()), np.zeros_like(y), _rows(2 * W * np.sign(M), T, y_dot)

    return objective


def laplace_beltrami(y: Array, y_dot: Array) -> tuple[Scalar, Array, Array]:
    """E Σₖ‖∂f/∂zₖ‖², from tangents through the chart and then f. If the chart is orthonormal this is E‖grad f‖², which is
    −E f Δf on a closed manifold   (Qi et al. 2018, §4)."""
    return scalar((y_dot**2).sum() / _count(y)), np.zeros_like(y), 2 / _count(y) * y_dot


def _square(g: Array) -> Array:
    """‖g‖² of each sample, (N, 1, ...)."""
    return (g**2).sum(axis=tuple(range(1, g.ndim)), keepdims=True)


def _count(a: Array) -> int:
    """The number of samples of a mean; 1 without samples, so that the mean is 0."""
    return max(len(a), 1)


def _gram(y_dot: Array, s: Scalar) -> tuple[Array, Array]:
    """T (N, K, d), the tangents of each sample; M = T Tᵀ − s²I (N, K, K)."""
    K, N = y_dot.shape[:2]
    T = y_dot.reshape(K, N, math.prod(y_dot.shape[2:])).transpose(1, 0, 2)
    return T, kernels.matmul(T, T.transpose(0, 2, 1)) - (s * s) * onehot(np.arange(K, like=y_dot), K, y_dot.dtype)


def _chances(K: int, N: int | None, like: Array) -> Array:
    """W (K, K): the inverse probabilities of the entries of an N x N matrix of which K axes are drawn; 1 if all are."""
    if N is None or N == K:
        return np.zeros((K, K), like.dtype, like=like) + 1
    if K < 2:
        raise ValueError(f"orthonormal: {K} of {N} tangents have no angle between them: draw 2 or more")
    i = np.arange(K, like=like)
    return np.where(i[:, None] == i, N / K, N * (N - 1) / (K * (K - 1))).astype(like.dtype)


def _rows(M: Array, T: Array, like: Array) -> Any:
    """M T (N, K, d) as tangents (K, N, ...)."""
    return kernels.matmul(M, T).transpose(1, 0, 2).reshape(like.shape)
