"""Normalisations: one operation over different groups of numbers.

z = (x − μ) r,  r = (⟨(x − μ)²⟩ + ε)^-½,  y = γ z + β.
Tangent: ż = r (ẋ − ⟨ẋ⟩ − z⟨zẋ⟩),  ẏ = γ ż. The adjoint of this pair map, with its second-order term, is
``normalise_vjp`` in kernels/reference.py. γ̄ = Σ ȳ z + Σ ẏ̄ ż,  β̄ = Σ ȳ.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape

Sizes = tuple[int, int, int, int]  # S sets of R rows of G groups of D channels: means run over R and D


class Normalisation(Layer):
    """The base of the normalisations. ``sizes`` defines the groups. x̄ and p̄ use the same sums, so one pass computes both."""

    eps: float
    centre = True  # μ = ⟨x⟩, else 0

    def sizes(self, shape: Shape) -> Sizes:
        """The groups of x (N, ...), whose shape is ``shape``."""
        raise NotImplementedError

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        gamma, beta = p or (None, None)
        return kernels.normalise(X, gamma, beta, self.sizes(X.shape[1:]), self.eps, centre=self.centre)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Any:
        return self.vjp(p, saved, G, wrt_p=False)[0]

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Any:
        return self.vjp(p, saved, G, wrt_x=False)[1]

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        GX, g = kernels.normalise_vjp(
            saved,
            p[0] if p else None,
            G,
            self.sizes(G.shape[1:]),
            centre=self.centre,
            wrt_x=wrt_x,
            wrt_p=wrt_p and bool(p),
        )
        return GX, tuple(a.reshape(q.shape) for a, q in zip(g or (), p, strict=bool(g))) if wrt_p else None

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        """γ H(u, v), H = −r² (a Pv + b Pu + (⟨Pu Pv⟩ − 3ab) z),  a = ⟨zu⟩, b = ⟨zv⟩, P u = u − ⟨u⟩ (u without μ).

        z is the gradient of a function, n/r of each group of n: H is x̄ of z's pair map for ẋ = u, ẏ̄ = v.
        """
        sets, *group = self.sizes(x.shape)
        sizes: Any = (len(u) * sets, *group)  # a pair is one more set
        X, G = np.stack([np.broadcast_to(x, u.shape), u]), np.stack([np.zeros_like(v), v])
        _, saved = kernels.normalise(X, None, None, sizes, self.eps, centre=self.centre)
        H: Array = kernels.normalise_vjp(saved, None, G, sizes, centre=self.centre, wrt_p=False)[0][0]  # type: ignore[index]
        return H * p[0] if p else H


class ScaleShift(Layer):
    """y = γ z + β with γ, β of the shape of the last axes."""

    def __init__(self, *shape: int, std: float = 0.0) -> None:
        super().__init__()
        self.shapes = {"gamma": shape, "beta": shape}
        self.std = std

    def init(self, rng: np.random.Generator) -> Params:
        """γ ~ N(1, std²), β = 0; the published DCGAN code draws γ with std 0.02."""
        return rng.normal(1, self.std, self.shapes["gamma"]), np.zeros(self.shapes["beta"])

    def out_shape(self, shape: Shape) -> Shape:
        last = self.shapes["gamma"]
        if shape[-len(last) :] != last:
            raise self.shape_error(f"expects x to end in {last}", shape)
        return shape


class BatchNorm(Normalisation, ScaleShift):
    """z over the batch (and pixels) of each channel, y = γ z + β (Ioffe & Szegedy 2015, alg. 1).

    x (N, C) or (N, H, W, C), γ, β (C,). ẏ of one sample depends on x and ẋ of all samples of the batch.
    Running values mean, var (C,): new = (1 − m) old + m batch, m the ``momentum``; var is the unbiased variance, a sum
    over the n values of a channel divided by n − 1. After ``eval`` μ and r come from the running values.
    """

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1, std: float = 0.0) -> None:
        super().__init__(channels, std=std)
        self.running = {"mean": (channels,), "var": (channels,)}
        self.eps, self.momentum = eps, momentum

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        return np.zeros(self.running["mean"]), np.ones(self.running["var"])

    def sizes(self, shape: Shape) -> Sizes:
        return 1, math.prod(shape[:-1]), shape[-1], 1

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        X, (mean, var, *_) = saved
        n, m = X[0, ..., 0].size, self.momentum
        batch = (m, mean), (m * n / max(n - 1, 1), var)
        pairs = zip(running, batch, strict=True)
        return tuple(kernels.combine(1 - m, old, share, new.reshape(-1)) for old, (share, new) in pairs)

    def eval(self, running: Params) -> Layer:
        return RunningNorm(*running, eps=self.eps)


class RunningNorm(ScaleShift):
    """BatchNorm for evaluation: z = (x − mean) r, r = (var + ε)^-½ with mean, var (C,) given;  ẏ = γ r ẋ.

    ``running`` still names them, so that the net has the same running values as the net for training.
    """

    affine = True

    def __init__(self, mean: Array, var: Array, *, eps: float = 1e-5) -> None:
        super().__init__(len(mean))
        self.running = {"mean": mean.shape, "var": var.shape}
        self.mean, self.var, self.eps = mean, var, eps

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        return self.mean, self.var

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        mean, r = self.mean.astype(X.dtype), (1 / np.sqrt(self.var + self.eps)).astype(X.dtype)
        gamma, beta = p
        scale = gamma * r
        return kernels.scale_shift(X, scale, beta - scale * mean), (X, mean, r)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        scale = p[0] * saved[2]
        return kernels.scale_shift(G, scale, np.zeros_like(scale))

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Params:
        X, mean, r = saved
        lead = tuple(range(X.ndim - 1))
        b = G[0].sum(axis=lead[:-1])
        return r * ((G * X).sum(axis=lead) - mean * b), b


class LayerNorm(Normalisation, ScaleShift):
    """z over the last axes of each sample, γ, β of their shape (Ba et al. 2016, eq. 3).

    ``LayerNorm(C)``: x (..., C); ``LayerNorm(H, W, C)``: x (N, H, W, C).
    """

    def __init__(self, *shape: int, eps: float = 1e-5) -> None:
        super().__init__(*shape)
        self.eps = eps

    def sizes(self, shape: Shape) -> Sizes:
        D = math.prod(self.shapes["gamma"])
        return math.prod(shape) // D, 1, 1, D


class GroupNorm(Normalisation, ScaleShift):
    """z over the pixels and channels of each group of a sample (Wu & He 2018, eq. 5); γ, β (C,).

    x (N, H, W, C), ``groups`` a divisor of C. One group is the layer norm of WGAN-GP critics.
    """

    def __init__(self, channels: int, groups: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels)
        self.groups, self.eps = groups, eps
        if channels % groups:
            raise ValueError(f"GroupNorm: groups must divide the channels: got {groups} groups and {channels} channels")

    def out_shape(self, shape: Shape) -> Shape:
        return super().out_shape(self.images(shape))

    def sizes(self, shape: Shape) -> Sizes:
        N, H, W, C = shape
        return N, H * W, self.groups, C // self.groups


class InstanceNorm(GroupNorm):
    """z over the pixels of each channel of a sample (Ulyanov et al. 2016): a group norm of C groups."""

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels, channels, eps=eps)


class PixelNorm(Normalisation):
    """y = x (⟨x²⟩ + ε)^-½ over the channels of each pixel, without parameters (Karras et al. 2018, §4.2).

    x (..., C).  ẏ = r (ẋ − y⟨yẋ⟩).
    """

    centre = False

    def __init__(self, *, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = eps

    def sizes(self, shape: Shape) -> Sizes:
        return math.prod(shape[:-1]), 1, 1, shape[-1]
