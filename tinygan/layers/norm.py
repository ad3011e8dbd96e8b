"""Normalisations: one standardisation, over different axes.

x̂ = (x − μ) r,  r = (⟨(x − μ)²⟩ + ε)^-½,  y = γ x̂ + β.
Tangent: x̂' = r (ẋ − ⟨ẋ⟩ − x̂⟨x̂ẋ⟩),  ẏ = γ x̂'. The adjoint of this pair map, with its second-order term, is
``standardise_dx`` in kernels/reference.py. γ̄ = Σ ȳ x̂ + Σ ẏ̄ x̂',  β̄ = Σ ȳ.
"""

from __future__ import annotations

import numpy as np

from tinygan import kernels
from tinygan.layer import Array, Bundle, Layer, Params, Saved, Shape


class Affine(Layer):
    """y = γ x̂ + β with γ, β of the shape of the last axes; what the normalisations end in."""

    def __init__(self, *shape: int, gain: float = 1.0, std: float = 0.0) -> None:
        super().__init__()
        self.shapes = {"gamma": shape, "beta": shape}
        self.gain, self.std = gain, std

    def init(self, rng: np.random.Generator) -> Params:
        """γ ~ N(gain, std²), β = 0; DCGAN code draws γ with std 0.02."""
        return rng.normal(self.gain, self.std, self.shapes["gamma"]), np.zeros(self.shapes["beta"])

    def out(self, shape: Shape) -> Shape:
        last = self.shapes["gamma"]
        if shape[-len(last) :] != last:
            raise self.wrong(f"expects x to end in {last}", shape)
        return shape

    def scale(self, p: Params, X: Bundle) -> Bundle:
        """γ X + β; a constant has no tangent."""
        gamma, beta = p
        Y = gamma * X
        Y[0] += beta
        return Y

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Params:
        X, _ = saved
        lead = tuple(range(X.ndim - p[0].ndim))
        return (G * X).sum(axis=lead), G[0].sum(axis=lead[:-1])


class BatchNorm(Affine):
    """x̂ over the batch (and pixels) of each channel, with exact tangents; y = γ x̂ + β (Ioffe & Szegedy 2015, alg. 1).

    x (N, C) or (N, H, W, C), γ, β (C,). A tangent meets every sample of the batch: ẏ depends on all of ẋ.
    Running values mean, var (C,): new = (1 − m) old + m batch, var with m/(m−1) (Bessel); ``eval`` uses them for μ, r.
    """

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1, std: float = 0.0) -> None:
        super().__init__(channels, std=std)
        self.running = {"mean": (channels,), "var": (channels,)}
        self.eps, self.momentum = eps, momentum

    def start(self, p: Params, rng: np.random.Generator) -> Params:
        return np.zeros(self.running["mean"]), np.ones(self.running["var"])

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Xhat, saved = kernels.standardise(X, tuple(range(X.ndim - 2)), self.eps, centre=True)
        return self.scale(p, Xhat), (Xhat, saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.standardise_dx(saved[1], p[0] * G, tuple(range(G.ndim - 2)), centre=True)

    def update(self, values: Params, p: Params, saved: Saved) -> Params:
        y, r, _, mu = saved[1]
        count = y[..., 0].size
        var = (r**-2 - self.eps) * (count / max(count - 1, 1))
        return tuple(
            (1 - self.momentum) * old + self.momentum * new.reshape(-1)
            for old, new in zip(values, (mu, var), strict=True)
        )

    def eval(self, values: Params) -> Layer:
        return RunningNorm(*values, eps=self.eps, momentum=self.momentum)


class RunningNorm(BatchNorm):
    """BatchNorm for evaluation: y = γ (x − mean) (var + ε)^-½ + β with mean, var given;  ẏ = γ r ẋ."""

    affine = True

    def __init__(self, mean: Array, var: Array, *, eps: float, momentum: float) -> None:
        super().__init__(len(mean), eps=eps, momentum=momentum)
        self.mean, self.r = mean, 1 / np.sqrt(var + eps)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Xhat = X * self.r
        Xhat[0] -= self.mean * self.r
        return self.scale(p, Xhat), (Xhat, None)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return (p[0] * self.r) * G

    def update(self, values: Params, p: Params, saved: Saved) -> Params:
        return values

    def eval(self, values: Params) -> Layer:
        return self


class LayerNorm(Affine):
    """x̂ over the last axes of each sample, γ, β of their shape (Ba et al. 2016, eq. 3).

    ``LayerNorm(C)``: x (..., C); ``LayerNorm(H, W, C)``: x (N, H, W, C).
    """

    def __init__(self, *shape: int, eps: float = 1e-5) -> None:
        super().__init__(*shape)
        self.eps = eps

    def _axes(self, X: Bundle) -> tuple[int, ...]:
        return tuple(range(X.ndim - 1 - len(self.shapes["gamma"]), X.ndim - 1))

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Xhat, saved = kernels.standardise(X, self._axes(X), self.eps, centre=True)
        return self.scale(p, Xhat), (Xhat, saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.standardise_dx(saved[1], p[0] * G, self._axes(G), centre=True)


class GroupNorm(Affine):
    """x̂ over the pixels and channels of each group of a sample (Wu & He 2018, eq. 5); γ, β (C,).

    x (N, H, W, C), ``groups`` a divisor of C. One group is the layer norm of WGAN-GP critics.
    """

    def __init__(self, channels: int, groups: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels)
        self.groups, self.eps = groups, eps
        if channels % groups:
            raise ValueError(f"GroupNorm: groups divide the channels: {groups} groups, {channels} channels")

    def out(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise self.wrong("expects images", shape)
        return super().out(shape)

    def _split(self, X: Bundle) -> Bundle:
        """(1+K, N, H, W, C) → (1+K, N, H, W, groups, C/groups)."""
        return X.reshape(*X.shape[:-1], self.groups, X.shape[-1] // self.groups)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Xhat, saved = kernels.standardise(self._split(X), (1, 2, 4), self.eps, centre=True)
        Xhat = Xhat.reshape(X.shape)
        return self.scale(p, Xhat), (Xhat, saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.standardise_dx(saved[1], self._split(p[0] * G), (1, 2, 4), centre=True).reshape(G.shape)


class InstanceNorm(GroupNorm):
    """x̂ over the pixels of each channel of a sample (Ulyanov et al. 2016): a group norm of C groups."""

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
