"""Normalisations: one standardisation, over different axes.

z = (x − μ) r,  r = (⟨(x − μ)²⟩ + ε)^-½,  y = γ z + β.
Tangent: ż = r (ẋ − ⟨ẋ⟩ − z⟨zẋ⟩),  ẏ = γ ż. The adjoint of this pair map, with its second-order term, is
``standardise_dx`` in kernels/reference.py. γ̄ = Σ ȳ z + Σ ẏ̄ ż,  β̄ = Σ ȳ.
"""

from __future__ import annotations

import numpy as np

from tinygan import kernels
from tinygan.layer import Array, Bundle, Layer, Params, Saved, Shape


class ScaleShift(Layer):
    """y = γ z + β with γ, β of the shape of the last axes: what the normalisations end in."""

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

    def scale(self, p: Params, Z: Bundle) -> Bundle:
        """γ z + β; a constant has no tangent."""
        gamma, beta = p
        Y = gamma * Z
        Y[0] += beta
        return Y

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Params:
        Z, _ = saved
        lead = tuple(range(Z.ndim - p[0].ndim))
        return (G * Z).sum(axis=lead), G[0].sum(axis=lead[:-1])


class BatchNorm(ScaleShift):
    """z over the batch (and pixels) of each channel, with exact tangents; y = γ z + β (Ioffe & Szegedy 2015, alg. 1).

    x (N, C) or (N, H, W, C), γ, β (C,). A tangent meets every sample of the batch: ẏ depends on all of ẋ.
    Running values mean, var (C,): new = (1 − m) old + m batch, m the ``momentum``; var is the unbiased one, over n − 1
    of the n values of a channel. ``eval`` takes μ and r from them.
    """

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1, std: float = 0.0) -> None:
        super().__init__(channels, std=std)
        self.running = {"mean": (channels,), "var": (channels,)}
        self.eps, self.momentum = eps, momentum

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        return np.zeros(self.running["mean"]), np.ones(self.running["var"])

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Z, saved = kernels.standardise(X, tuple(range(X.ndim - 2)), self.eps, centre=True)
        return self.scale(p, Z), (Z, saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.standardise_dx(saved[1], p[0] * G, tuple(range(G.ndim - 2)), centre=True)

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        y, _, _, mean, var = saved[1]
        n = y[..., 0].size
        batch = mean, var * (n / max(n - 1, 1))
        m = self.momentum
        return tuple((1 - m) * old + m * new.reshape(-1) for old, new in zip(running, batch, strict=True))

    def eval(self, running: Params) -> Layer:
        return RunningNorm(*running, eps=self.eps)


class RunningNorm(ScaleShift):
    """BatchNorm for evaluation: z = (x − mean) r, r = (var + ε)^-½ of mean, var (C,) given;  ẏ = γ r ẋ.

    ``running`` names them still, so that a net evaluates with the running values of the net it comes from.
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
        Z = r * X
        Z[0] -= r * mean
        return self.scale(p, Z), (Z, r)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return (p[0] * saved[1]) * G


class LayerNorm(ScaleShift):
    """z over the last axes of each sample, γ, β of their shape (Ba et al. 2016, eq. 3).

    ``LayerNorm(C)``: x (..., C); ``LayerNorm(H, W, C)``: x (N, H, W, C).
    """

    def __init__(self, *shape: int, eps: float = 1e-5) -> None:
        super().__init__(*shape)
        self.eps = eps

    def _axes(self, X: Bundle) -> tuple[int, ...]:
        return tuple(range(X.ndim - 1 - len(self.shapes["gamma"]), X.ndim - 1))

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Z, saved = kernels.standardise(X, self._axes(X), self.eps, centre=True)
        return self.scale(p, Z), (Z, saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.standardise_dx(saved[1], p[0] * G, self._axes(G), centre=True)


class GroupNorm(ScaleShift):
    """z over the pixels and channels of each group of a sample (Wu & He 2018, eq. 5); γ, β (C,).

    x (N, H, W, C), ``groups`` a divisor of C. One group is the layer norm of WGAN-GP critics.
    """

    def __init__(self, channels: int, groups: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels)
        self.groups, self.eps = groups, eps
        if channels % groups:
            raise ValueError(f"GroupNorm: groups divide the channels: {groups} groups, {channels} channels")

    def out_shape(self, shape: Shape) -> Shape:
        return super().out_shape(self.images(shape))

    def _split(self, X: Bundle) -> Bundle:
        """(1+K, N, H, W, C) → (1+K, N, H, W, groups, C/groups)."""
        return X.reshape(*X.shape[:-1], self.groups, X.shape[-1] // self.groups)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Z, saved = kernels.standardise(self._split(X), (1, 2, 4), self.eps, centre=True)
        Z = Z.reshape(X.shape)
        return self.scale(p, Z), (Z, saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.standardise_dx(saved[1], self._split(p[0] * G), (1, 2, 4), centre=True).reshape(G.shape)


class InstanceNorm(GroupNorm):
    """z over the pixels of each channel of a sample (Ulyanov et al. 2016): a group norm of C groups."""

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels, channels, eps=eps)


class PixelNorm(Layer):
    """y = x (⟨x²⟩ + ε)^-½ over the channels of each pixel, nothing trained (Karras et al. 2018, §4.2).

    x (..., C).  ẏ = r (ẋ − y⟨yẋ⟩).
    """

    def __init__(self, *, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return kernels.standardise(X, (X.ndim - 2,), self.eps, centre=False)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.standardise_dx(saved, G, (G.ndim - 2,), centre=False)
