"""Minibatch discrimination: how close the samples of a batch are, as features for D (Salimans et al. 2016, §3.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.compose import Concat, Sequential
from tinygan.core.init import Init, lecun
from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape
from tinygan.layers.linear import Linear
from tinygan.layers.weightnorm import WeightNorm


class MinibatchDiscrimination(Concat):
    """y = [x, o(T x)], o of ``Closeness``: B = ``kernels`` numbers beside the features   (Salimans et al. 2016, §3.2).

    T (B·C, I) has no bias, C = ``dims``. With ``weight_norm`` T is weight-normalised, as in the authors' code.
    x (N, I)  →  y (N, I + B).
    """

    def __init__(
        self, features: int, kernels: int, dims: int = 5, *, weight_norm: bool = False, init: Init = lecun
    ) -> None:
        T = Linear(features, kernels * dims, bias=False, init=init)
        super().__init__(Sequential(), Sequential(WeightNorm(T) if weight_norm else T, Closeness(kernels, dims)))


class Closeness(Layer):
    """o_ib = Σ_{j≠i} k_ijb,  k = e^−d,  d_ijb = ‖m_ib − m_jb‖₁: how many samples are close to sample i, for each of B kernels.

    d, k and the signs s_ijbc of m_ibc − m_jbc are (anti)symmetric in i, j and s is constant almost everywhere. Sums over j:

        tangent   ḋ_ij = Σ_c s_ij (ṁ_i − ṁ_j),    ȯ_i = −Σ k_ij ḋ_ij
        adjoint   m̄_i = −Σ s_ij k_ij (ō_i + ō_j) + ΣΣₖ s_ij k_ij ḋ_ij (ȱ_i + ȱ_j),    ṁ̄_i = −Σ s_ij k_ij (ȱ_i + ȱ_j)
        H(1, 2)   ö_i = Σ k_ij ḋ¹_ij ḋ²_ij

    m (N, B·C)  →  o (N, B), C = ``dims``. A sample's output depends on all samples of the batch, also in evaluation, and
    grows with their number. Saved for the adjoint: k and each ḋ, N² B numbers each; the signs are computed again.
    """

    def __init__(self, kernels: int, dims: int) -> None:
        super().__init__()
        self.kernels, self.dims = kernels, dims

    def out_shape(self, shape: Shape) -> Shape:
        if shape != (self.kernels * self.dims,):
            raise self.shape_error(f"expects {self.kernels} kernels of {self.dims} dims", shape)
        return (self.kernels,)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        M = self.split(X)
        k, D = self.near(M)
        O = -(k * D).sum(axis=2)
        O[0] = k.sum(axis=1)
        return O, (M[:, 0], k, D[1:])

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        M0, k, D = saved
        W = -k * (G[:, :, None] + G[:, None])
        W[0] -= (D * W[1:]).sum(axis=0)
        GM = np.empty((*G.shape[:2], self.kernels, self.dims), G.dtype, like=G)
        for c, m in enumerate(M0):  # not np.concatenate, which a CUDA graph cannot capture with many arrays
            GM[..., c] = (np.sign(between(m)) * W).sum(axis=2)
        return GM.reshape(*G.shape[:2], self.kernels * self.dims)

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        k, D = self.near(self.split(np.concatenate([x[None], u, v])))
        return (k * D[1 : 1 + len(u)] * D[1 + len(u) :]).sum(axis=2)

    def split(self, X: Bundle) -> Any:
        """M (C, T, N, B)."""
        return np.moveaxis(X.reshape(*X.shape[:2], self.kernels, self.dims), -1, 0)

    def near(self, M: Array) -> tuple[Array, Bundle]:
        """k (N, N, B), 0 where i = j, and D (T, N, N, B), d and its tangents."""
        D = sum(np.sign(between(m[0])) * between(m) for m in M)
        i = np.arange(M.shape[2], like=M)
        k: Array = np.exp(-D[0]) * (i[:, None] != i)[..., None]
        return k, D


def between(m: Array) -> Array:
    """m_i − m_j,  (..., N, B) → (..., N, N, B)."""
    return m[..., :, None, :] - m[..., None, :, :]
