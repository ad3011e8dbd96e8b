"""Linear probe: the accuracy of a linear classifier on fixed features, by multinomial logistic regression.

    L(W, b) = −1/n Σᵢ log softmax(Wᵀx̂ᵢ + b)[labelᵢ] + λ/2 ‖W‖²,    x̂ the features standardised to mean 0 and variance 1,

is convex and has a unique minimum W. Newton's method finds it to a gradient norm of 1e-8 (Nocedal and Wright 2006, algorithm
7.1). Each step solves (∇²L) s = −∇L by conjugate gradients, which need only products ∇²L v = X̂ᵀ(P∘U − P (P·U))/n + λv with
U = X̂v. The step is halved until L decreases. Memory is O(n C) and a block of rows. Nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.core.softmax import log_softmax
from tinygan.errors import UsageError
from tinygan.metrics.agreement import agreement
from tinygan.metrics.inputs import classes, matrix, rows
from tinygan.metrics.moments import add, empty

TOLERANCE = 1e-8
STEPS = 100  # of Newton's method; 10 to 20 are usual


class Probe(NamedTuple):
    """Weights (d + 1, C) for standardised features, the bias last; mean and scale (d,) of the training features."""

    weights: Array
    mean: Array
    scale: Array


def fit(x: Array, labels: Array, *, of: int, l2: float = 1e-3) -> Probe:
    """Fit a probe to features x (n, d) with labels (n,) in 0 ... of − 1. ``l2`` is λ. Constant features are ignored.

    Raises UsageError for invalid inputs, and if rounding keeps the gradient norm above 1e-8.
    """
    x = matrix("features", x, least=2)
    labels = classes("labels", labels, of=of, n=len(x))
    if not 0 < l2 < np.inf:
        raise UsageError(f"l2 is {l2}; expected a positive number, because separable classes have no optimum at 0")
    mean, scale = _standard(x)
    probe = Probe(np.zeros((x.shape[1] + 1, of)), mean, scale)
    decay = np.full((x.shape[1] + 1, 1), l2)
    decay[-1] = 0
    value, gradient, p = _loss(probe, x, labels, decay)
    for _ in range(STEPS):
        size = float(np.linalg.norm(gradient))
        if size <= TOLERANCE:
            return probe
        step = _conjugate_gradients(partial(_curvature, probe, x, p, decay), -gradient, min(0.5, size) * size)
        slope, length = float((gradient * step).sum()), 1.0
        while True:
            trial = probe._replace(weights=probe.weights + length * step)
            new = _loss(trial, x, labels, decay)
            if new[0] <= value + 1e-4 * length * slope + 1e-14 * abs(value) or length < 1e-9:
                break
            length /= 2
        probe, (value, gradient, p) = trial, new
    raise UsageError(
        f"the gradient norm of the probe stays at {size:.1e}; expected at most {TOLERANCE}; raise l2 from {l2}"
    )


def logits(probe: Probe, x: Array) -> Array:
    """The logits Wᵀx̂ + b (n, C) of features x (n, d). Raises UsageError."""
    x = matrix("features", x, width=len(probe.mean))
    return np.concatenate([part @ probe.weights for _, part in _blocks(probe, x)])


def probe_accuracy(probe: Probe, x: Array, labels: Array) -> float:
    """The fraction of features x (n, d) classified as their label (n,), in [0, 1]; higher is better. Raises UsageError."""
    return agreement(logits(probe, x), labels)


def _standard(x: Array) -> tuple[Array, Array]:
    moments = add(empty(x.shape[1]), x)
    scale = np.sqrt(np.square(moments.factor).sum(axis=0) / len(x))
    return moments.mean, np.where(scale > 1e-12 * np.abs(moments.mean), scale, np.inf)


def _blocks(probe: Probe, x: Array) -> Iterator[tuple[slice, Array]]:
    """[x̂, 1] (m, d + 1) in blocks of rows."""
    for part in rows(len(x)):
        standard = (x[part] - probe.mean) / probe.scale
        yield part, np.concatenate([standard, np.ones((len(standard), 1))], axis=1)


def _loss(probe: Probe, x: Array, labels: Array, decay: Array) -> tuple[float, Array, Array]:
    """L, ∇L (d + 1, C) and P (n, C)."""
    value, gradient = 0.0, np.zeros_like(probe.weights)
    p = np.empty((len(x), probe.weights.shape[1]))
    for part, a in _blocks(probe, x):
        log_p = log_softmax(a @ probe.weights)
        p[part] = np.exp(log_p)
        own = np.arange(len(a)), labels[part]
        value -= float(log_p[own].sum())
        error = p[part].copy()
        error[own] -= 1
        gradient += a.T @ error
    w = probe.weights
    return value / len(x) + 0.5 * float((decay * w * w).sum()), gradient / len(x) + decay * w, p


def _curvature(probe: Probe, x: Array, p: Array, decay: Array, v: Array) -> Array:
    """∇²L v."""
    total = np.zeros_like(v)
    for part, a in _blocks(probe, x):
        pu = p[part] * (a @ v)
        total += a.T @ (pu - p[part] * pu.sum(axis=1, keepdims=True))
    return total / len(x) + decay * v


def _conjugate_gradients(product: Callable[[Array], Array], b: Array, tolerance: float) -> Array:
    """Solve A s = b up to ‖b − A s‖ <= tolerance for a positive definite A (Hestenes and Stiefel 1952)."""
    s, residual = np.zeros_like(b), b.copy()
    way, square = residual, float((residual * residual).sum())
    for _ in range(10 * b.size):
        if square <= tolerance**2:
            break
        a_way = product(way)
        length = square / float((way * a_way).sum())
        s, residual = s + length * way, residual - length * a_way
        square, before = float((residual * residual).sum()), square
        way = residual + square / before * way
    return s
