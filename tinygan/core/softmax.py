"""Softmax, its logarithm, and the logarithm of a sum of exponentials, over the last axis and without overflow.

The largest entry is subtracted first, so the largest exponential is e⁰ = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.layer import Array


def softmax(x: Array) -> Any:
    """eˣ / Σ eˣ, (..., C)."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x: Array) -> Any:
    """x − log Σ eˣ, (..., C)."""
    d = x - x.max(axis=-1, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=-1, keepdims=True))


def log_sum_exp(x: Array, *, rest: bool = False) -> tuple[Any, Any]:
    """log Σ eˣ (..., 1) and its gradient, the softmax (..., C). With ``rest``, one more logit that is always 0 is added."""
    top = x.max(axis=-1, keepdims=True)
    if rest:
        top = np.maximum(top, 0)
    e = np.exp(x - top)
    total = e.sum(axis=-1, keepdims=True)
    if rest:
        total = total + np.exp(-top)
    return top + np.log(total), e / total
