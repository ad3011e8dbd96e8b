"""Virtual batch normalisation: statistics of a fixed reference batch (Salimans et al. 2016, §3.5)."""

from __future__ import annotations

import copy
import math
from typing import Any, Self

import numpy as np

from tinygan.core.compose import Composite
from tinygan.core.layer import Array, Bundle, Layer, Pairs, Params, Saved, Shape, apply, vjp
from tinygan.errors import UsageError
from tinygan.layers.norm import ScaleShift


class Virtual(Composite):
    """y = f([reference, x]) without the outputs of the reference batch, whose statistics each ``VirtualBatchNorm`` in f uses.

    x (N, *shape); the R = ``reference`` samples are in ``Rows``. f is applied to R samples more, also in evaluation.
    """

    def __init__(self, f: Layer, shape: Shape, reference: int) -> None:
        super().__init__(f, Rows(shape, reference))
        self.shape, self.reference = shape, reference

    @property
    def piecewise_linear(self) -> bool:
        return False

    def out_shape(self, shape: Shape) -> Shape:
        if shape != self.shape:
            raise self.shape_error(f"expects samples like its reference's {self.shape}", shape)
        return self.children[0].out_shape(shape)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Y, saved = apply(self.children[0], p[0], self.after_reference(X))
        return Y[:, self.reference :], (saved, (None, None))

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        return self.children[0].jet(p[0], self.after_reference(X), pairs)[:, self.reference :]

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        none = np.zeros((len(G), self.reference, *G.shape[2:]), G.dtype, like=G)
        GX, g = vjp(self.children[0], p[0], saved[0], np.concatenate([none, G], axis=1), wrt_x=wrt_x, wrt_p=wrt_p)
        return GX[:, self.reference :] if wrt_x else None, (g, ()) if wrt_p else None

    def after_reference(self, X: Bundle) -> Bundle:
        """[reference, x]; the reference has no tangent."""
        rows: Any = self.children[1]
        if rows.held is None:
            raise UsageError("Virtual has no reference batch yet: use net.bind(running, rng) or net.eval(running)")
        R = np.zeros((len(X), *rows.held.shape), X.dtype, like=X)
        R[0] = rows.held
        return np.concatenate([R, X], axis=1)


class Rows(Layer):
    """R samples (R, ...), a running value that is constant: drawn once from N(0, 1), as latents are."""

    affine = True  # no function of x

    def __init__(self, shape: Shape, reference: int) -> None:
        super().__init__()
        self.running = {"reference": (reference, *shape)}
        self.held: Any = None

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        return (rng.normal(size=self.running["reference"]),)

    def bind(self, running: Params, rng: np.random.Generator | None) -> Self:
        bound = copy.copy(self)
        (bound.held,) = running
        return bound

    def eval(self, running: Params) -> Self:
        return self.bind(running, None)


class VirtualBatchNorm(ScaleShift):
    """y = γ z + β, z as in a batch norm of the R reference samples and the sample itself   (Salimans et al. 2016, §3.5).

    The first R samples of x are the reference (all, if there are fewer); ``Virtual`` puts them there. ⟨·⟩ is the mean over the
    pixels of one sample and channel. A maps the means of the samples to those by which each sample is normalised: for a
    reference sample the mean over the reference, for another one its own mean times 1/(R+1) plus the reference's times R/(R+1).

        μ = A⟨x⟩,  q = A⟨x²⟩,   v = q − μ² + ε,     r = v^-½,       c = x − μ,    z = c r
        μ̇ = A⟨ẋ⟩,  q̇ = 2A⟨xẋ⟩,  v̇ = q̇ − 2μμ̇,      ṙ = −½ r³ v̇,   ċ = ẋ − μ̇,   ż = ċ r + c ṙ

    The adjoint, with ∫ the sum over pixels and M = Aᵀ(·) divided by their number, is

        ċ̄ = r ż̄,   c̄ = r z̄ + Σ ṙ ż̄,   ṙ̄ = ∫ c ż̄,   r̄ = ∫ (c z̄ + Σ ċ ż̄) − Σ (3/2) r² v̇ ṙ̄
        v̇̄ = −½ r³ ṙ̄,   v̄ = −½ r³ r̄,   μ̇̄ = −2μ v̇̄ − ∫ ċ̄,   μ̄ = −2μ v̄ − Σ 2μ̇ v̇̄ − ∫ c̄
        x̄ = c̄ + M μ̄ + 2x M v̄ + Σ 2ẋ M v̇̄,   ẋ̄ = ċ̄ + M μ̇̄ + 2x M v̇̄
        H(1, 2):  v̈ = 2A⟨ẋ¹ẋ²⟩ − 2μ̇¹μ̇²,   r̈ = ¾ r⁵ v̇¹v̇² − ½ r³ v̈,   z̈ = ċ¹ṙ² + ċ²ṙ¹ + c r̈

    x (R + N, C) or (R + N, H, W, C), γ, β (C,).
    """

    def __init__(self, channels: int, reference: int, *, eps: float = 1e-5, std: float = 0.0) -> None:
        super().__init__(channels, std=std)
        self.reference, self.eps = reference, eps

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        x, mu, v, c, r = self.standardise(X)
        Z = c[:1] * r[:1] if len(X) == 1 else np.concatenate([c[:1] * r[:1], c[1:] * r[0] + c[0] * r[1:]])
        Y = p[0] * Z
        Y[0] += p[1]
        return Y.reshape(X.shape), (x, mu, v, c, r, Z)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        x, mu, v, c, r, _ = saved
        GZ = p[0] * self.pixels(G)
        GC = r[0] * GZ
        GC[0] += (r[1:] * GZ[1:]).sum(axis=0)
        GR = (c[0] * GZ).sum(axis=2, keepdims=True)
        GR[0] += (c[1:] * GZ[1:]).sum(axis=(0, 2))[:, None] - 1.5 * (r[0] ** 2) * (v * GR[1:]).sum(axis=0)
        GV = -0.5 * r[0] ** 3 * GR
        GM = -2 * mu[0] * GV - GC.sum(axis=2, keepdims=True)
        GM[0] -= 2 * (mu[1:] * GV[1:]).sum(axis=0)
        of_mean, of_square = (self.spread(a) / x.shape[2] for a in (GM, GV))
        GX = GC + of_mean + 2 * x[0] * of_square
        GX[0] += 2 * (x[1:] * of_square[1:]).sum(axis=0)
        return GX.reshape(G.shape)

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Params:
        G = self.pixels(G)
        return (G * saved[-1]).sum(axis=(0, 1, 2)), G[0].sum(axis=(0, 1))

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        X, mu, v_dot, c, r = self.standardise(np.concatenate([x[None], u, v]))
        i, j = slice(1, 1 + len(u)), slice(1 + len(u), None)
        bend = 2 * self.gather((X[i] * X[j]).mean(axis=2, keepdims=True)) - 2 * mu[i] * mu[j]
        n = len(u)
        r_bend = 0.75 * r[0] ** 5 * v_dot[:n] * v_dot[n:] - 0.5 * r[0] ** 3 * bend
        return (p[0] * (c[i] * r[j] + c[j] * r[i] + c[0] * r_bend)).reshape(u.shape)

    def standardise(self, X: Bundle) -> tuple[Bundle, Bundle, Bundle, Bundle, Bundle]:
        """x minus the first sample's mean, which changes only the rounding; (μ, μ̇), v̇, (c, ċ), (r, ṙ)."""
        x = self.pixels(X)
        x = np.concatenate([x[:1] - x[:1, :1].mean(axis=2, keepdims=True), x[1:]])
        mu, q = (self.gather(a.mean(axis=2, keepdims=True)) for a in (x, x[0] * x))
        r = 1 / np.sqrt(q[:1] - mu[:1] ** 2 + self.eps)
        v = 2 * q[1:] - 2 * mu[0] * mu[1:]
        return x, mu, v, x - mu, np.concatenate([r, -0.5 * r**3 * v])

    def gather(self, a: Array) -> Array:
        """A a along the samples, a (T, R + N, 1, C)."""
        R = min(self.reference, a.shape[1])
        mean = a[:, :R].sum(axis=1, keepdims=True) / max(R, 1)
        return np.concatenate([np.repeat(mean, R, axis=1), (a[:, R:] + R * mean) / (R + 1)], axis=1)

    def spread(self, g: Array) -> Array:
        """Aᵀ g."""
        R = min(self.reference, g.shape[1])
        own = g[:, R:] / (R + 1)
        mean = g[:, :R].sum(axis=1, keepdims=True) / max(R, 1) + own.sum(axis=1, keepdims=True)
        return np.concatenate([np.repeat(mean, R, axis=1), own], axis=1)

    def pixels(self, X: Bundle) -> Any:
        """(T, R + N, pixels, C)."""
        return X.reshape(*X.shape[:2], math.prod(X.shape[2:-1]), X.shape[-1])
