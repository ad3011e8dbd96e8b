"""The logarithm of the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Params, Saved
from tinygan.core.softmax import log_sum_exp


class LogSoftmax(Layer):
    """y = x − log Σ eˣ, so that p = eʸ are probabilities;   ẏ = ẋ − ⟨p, ẋ⟩.

    x̄ = ȳ − p Σȳ − Σₖ (Σẏ̄ₖ) p ∘ ẏₖ,  ẋ̄ = ẏ̄ − p Σẏ̄,  since ∂p/∂x ẋ = p ∘ ẏ.
    H(u, v) = −Σ p u v + ⟨p, u⟩⟨p, v⟩, the same for all classes.

    x (..., C). With ``rest`` there is one more class, whose logit is 0 and whose probability is 1 − Σ p: y has
    the C given classes only (Salimans et al. 2016, §5: they are those of real images, the one more that of generated ones).
    """

    def __init__(self, *, rest: bool = False) -> None:
        super().__init__()
        self.rest = rest

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        log_sum, prob = log_sum_exp(X[0], rest=self.rest)
        Y = X - mean_of(prob, X)
        Y[0] = X[0] - log_sum
        return Y, (prob, Y)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        prob, Y = saved
        s = G.sum(axis=-1, keepdims=True)
        GX: Bundle = G - prob * s
        GX[0] -= prob * (s[1:] * Y[1:]).sum(axis=0)
        return GX

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        _, prob = log_sum_exp(x, rest=self.rest)
        return np.broadcast_to(mean_of(prob, u) * mean_of(prob, v) - mean_of(prob, u * v), u.shape)


def mean_of(p: Array, X: Any) -> Any:
    """⟨p, X⟩."""
    return (p * X).sum(axis=-1, keepdims=True)
