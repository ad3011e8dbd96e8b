"""Self-attention between all pixels of an image (Zhang et al. 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core import softmax as stable
from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.init import Init, lecun
from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape
from tinygan.layers.conv import Conv2d
from tinygan.layers.pool import MaxPool2d
from tinygan.layers.softmax import mean_of
from tinygan.layers.spectral import SpectralNorm


class SelfAttention(Residual):
    """y = x + γ W_o attend([θx | φx | gx])   (Zhang et al. 2019, eqs. 1-3); γ is trained and initially 0, so that y = x.

    θ, φ (C → ``inner``, C/8), g (C → ``values``, C/2) and W_o (→ C) are 1x1 convolutions without bias. With ``spectral`` each
    has spectral normalisation. The sizes, and the maxima of φx and gx over 2x2 pixels, are those of the authors' code.

    x (N, H, W, C), H and W even with ``pool``  →  y (N, H, W, C). ``Attend`` states the memory that it needs.
    """

    def __init__(
        self,
        channels: int,
        inner: int | None = None,
        values: int | None = None,
        *,
        pool: bool = True,
        spectral: bool = False,
        init: Init = lecun,
    ) -> None:
        def by(c_in: int, c_out: int) -> Layer:
            w = Conv2d(c_in, c_out, 1, bias=False, init=init)
            return SpectralNorm(w) if spectral else w

        C = channels
        I = max(1, C // 8) if inner is None else inner
        V = max(1, C // 2) if values is None else values
        super().__init__(Sequential(Concat(by(C, I), by(C, I), by(C, V)), Attend(I, V, pool=pool), by(V, C), Scale()))


class Attend(Layer):
    """o = β v,  β = softmax s,  s = q kᵀ, of each sample; x = [q | k | v] along the channels, rows are pixels.

    With ``pool`` k and v are maxima over 2x2 pixels, channel by channel. Rows of β sum to 1; s is not divided by √I.
    ⟨·, ·⟩ is along a row, c = ṡ − ⟨β, ṡ⟩ and b = β̇̄ − ⟨β, β̇̄⟩. The products are bilinear; the softmax has
    ∂β/∂s = diag β − β βᵀ, and the last sum of s̄ is ∂⟨β̇̄, β̇⟩/∂s.

        tangent   ṡ = q̇ kᵀ + q k̇ᵀ,    β̇ = β ∘ c,    ȯ = β̇ v + β v̇
        adjoint   β̄ = ō vᵀ + Σ ȱ v̇ᵀ,  β̇̄ = ȱ vᵀ,      v̄ = βᵀ ō + Σ β̇ᵀ ȱ,  v̇̄ = βᵀ ȱ
                  s̄ = β ∘ (β̄ − ⟨β, β̄⟩) + Σ (b ∘ β̇ − β⟨b, β̇⟩),  ṡ̄ = β ∘ b
                  q̄ = s̄ k + Σ ṡ̄ k̇,    q̇̄ = ṡ̄ k,       k̄ = s̄ᵀ q + Σ ṡ̄ᵀ q̇,  k̇̄ = ṡ̄ᵀ q
        H(1, 2)   β̈ = β ∘ (a − ⟨β, a⟩),  a = q̇₁ k̇₂ᵀ + q̇₂ k̇₁ᵀ + c₁ ∘ c₂,  ö = β̈ v + β̇₁ v̇₂ + β̇₂ v̇₁

    x (N, H, W, 2 I + V), I = ``inner``, V = ``values``  →  o (N, H, W, V). β has N · HW · HW/4 numbers (without ``pool``
    N · HW · HW), and so has each β̇ₖ. They are saved for the adjoint, which needs three more arrays of their size.
    """

    def __init__(self, inner: int, values: int, *, pool: bool = True) -> None:
        super().__init__()
        self.inner, self.values = inner, values
        self.pool: Layer = MaxPool2d(2, stride=2) if pool else Sequential()

    def out_shape(self, shape: Shape) -> Shape:
        H, W, _ = self.images(shape, 2 * self.inner + self.values)
        if isinstance(self.pool, MaxPool2d) and (H % 2 or W % 2):
            raise self.shape_error("expects an even height and width", shape)
        return H, W, self.values

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Q, K, V, pooled = self.split(X)
        B = softmax(times(Q, turn(K)))
        return times(B, V).reshape(*X.shape[:4], self.values), (Q, K, V, B, pooled)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        Q, K, V, B, (shape, pooled) = saved
        GO = rows(G)
        GS = softmax_dx(B, times_dx(GO, turn(V)))
        GK, GV = times_dx(turn(GS), Q), turn(times_dx(turn(GO), B))
        keys = self.pool.backward((), pooled, np.concatenate([GK, GV], axis=-1).reshape(shape))
        return np.concatenate([times_dx(GS, K).reshape(*G.shape[:4], self.inner), keys], axis=-1)

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        Q, K, V, _ = self.split(np.concatenate([x[None], u, v]))
        S = times(Q, turn(K))
        B = softmax(S)
        C = S - mean_of(B[0], S)
        i, j = slice(1, 1 + len(u)), slice(1 + len(u), None)
        a = Q[i] @ turn(K[j]) + Q[j] @ turn(K[i]) + C[i] * C[j]
        O: Array = B[0] * (a - mean_of(B[0], a)) @ V[0] + B[i] @ V[j] + B[j] @ V[i]
        return O.reshape(*u.shape[:4], self.values)

    def split(self, X: Bundle) -> tuple[Bundle, Bundle, Bundle, Saved]:
        """q (..., HW, I), k (..., HW/4, I) and v (..., HW/4, V), and what the adjoint of the pool needs."""
        I = self.inner
        KV, saved = self.pool.forward((), X[..., I:])
        return rows(X[..., :I]), rows(KV[..., :I]), rows(KV[..., I:]), (KV.shape, saved)


class Scale(Layer):
    """y = γ x,  ẏ = γ ẋ;   x̄ = γ ȳ,  ẋ̄ = γ ẏ̄;   γ̄ = Σ ȳ x + Σ ẏ̄ ẋ.   x of any shape, γ one number, initially 0."""

    affine = True

    def __init__(self) -> None:
        super().__init__()
        self.shapes = {"gamma": ()}

    def init(self, rng: np.random.Generator) -> Params:
        return (np.zeros(()),)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return p[0] * X, X

    def backward(self, p: Params, X: Saved, G: Bundle) -> Bundle:
        return p[0] * G

    def gradient(self, p: Params, X: Saved, G: Bundle) -> Params:
        return ((G * X).sum(),)


def times(A: Bundle, B: Bundle) -> Any:
    """The product of matrices: a b,  ȧ b + a ḃ."""
    Y = kernels.matmul(A, B[0])
    Y[1:] += kernels.matmul(A[0], B[1:])
    return Y


def times_dx(G: Bundle, C: Bundle) -> Any:
    """ȳ c + Σ ẏ̄ ċ,  ẏ̄ c: with C = Bᵀ it is Ā of Y = A B, and B̄ᵀ with Gᵀ for G and C = A."""
    GA = kernels.matmul(G, C[0])
    GA[0] += kernels.matmul(G[1:], C[1:]).sum(axis=0)
    return GA


def softmax(S: Bundle) -> Bundle:
    """β = eˢ / Σ eˢ along rows;  β̇ = β ∘ (ṡ − ⟨β, ṡ⟩)."""
    b = stable.softmax(S[0])
    B = b * (S - mean_of(b, S))
    B[0] = b
    return B


def softmax_dx(B: Bundle, G: Bundle) -> Bundle:
    """s̄ = β ∘ (β̄ − ⟨β, β̄⟩) + Σ (b ∘ β̇ − β⟨b, β̇⟩),  ṡ̄ = β ∘ b;  b = β̇̄ − ⟨β, β̇̄⟩."""
    G = G - mean_of(B[0], G)
    GS = B[0] * G
    second_order = (G[1:] * B[1:]).sum(axis=0)
    GS[0] += second_order - B[0] * second_order.sum(axis=-1, keepdims=True)
    return GS


def rows(X: Bundle) -> Bundle:
    """(T, N, H, W, C) → (T, N, HW, C)."""
    T, N, H, W, C = X.shape
    return X.reshape(T, N, H * W, C)


def turn(A: Array) -> Any:
    """Aᵀ of each matrix."""
    return A.swapaxes(-1, -2)
