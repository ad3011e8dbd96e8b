"""Inception Score (Salimans et al. 2016) from the logits of any classifier, in float64:

    IS = exp E KL(p(y|x) ‖ p(y)) = exp(H(E p) − E H(p)),    p = softmax(logits).

It is between 1 and the number of classes C, and higher is better. The mean entropy E H(p) is low if the classifier is sure
of each image (quality). H(E p) is high if all classes are equally frequent (diversity). The score does not detect copies of
training images or a missing part of a class.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.core.softmax import log_softmax
from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix, rows


class Sums(NamedTuple):
    """Sums over the samples seen so far, out of n: for each split Σ p (S, C) and Σ Σ p log p (S,). Memory O(S C)."""

    n: int
    seen: int
    p: Array
    p_log_p: Array


class Score(NamedTuple):
    """Mean and standard deviation (population) of the score over splits, and two entropies over all samples, in nats."""

    mean: float
    std: float
    quality: float  # E H(p(y|x))
    diversity: float  # H(p(y))


def start(n: int, classes: int, splits: int = 10) -> Sums:
    """Sums before the first of n samples. Sample i belongs to split s if i is in [sn/S, (s+1)n/S). Raises UsageError."""
    if not 1 <= splits <= n or classes < 2:
        raise UsageError(
            f"{splits} splits of {n} samples of {classes} classes; expected 1 to n splits, 2 classes or more"
        )
    return Sums(n, 0, np.zeros((splits, classes)), np.zeros(splits))


def add(sums: Sums, logits: Array) -> Sums:
    """Add the logits (m, C) of the next samples. Raises UsageError."""
    splits, classes = sums.p.shape
    logits = matrix("logits", logits, least=0, width=classes)
    if sums.seen + len(logits) > sums.n:
        raise UsageError(f"got {sums.seen + len(logits)} samples, expected {sums.n}; call start with the right number")
    ends = np.arange(1, splits + 1) * sums.n // splits
    p, p_log_p = sums.p.copy(), sums.p_log_p.copy()
    for part in rows(len(logits)):
        log_p = log_softmax(logits[part].astype(np.float64))
        each = np.exp(log_p)
        split = np.searchsorted(ends, sums.seen + np.arange(part.start, part.stop), side="right")
        np.add.at(p, split, each)
        np.add.at(p_log_p, split, (each * log_p).sum(axis=1))
    return Sums(sums.n, sums.seen + len(logits), p, p_log_p)


def score(sums: Sums) -> Score:
    """The score of all n samples. Raises UsageError if some are missing."""
    if sums.seen != sums.n:
        raise UsageError(f"got {sums.seen} samples, expected {sums.n}; add the others first")
    count = sums.p.sum(axis=1)
    each = np.exp(_entropy(sums.p / count[:, None]) + sums.p_log_p / count)
    quality, diversity = -sums.p_log_p.sum() / sums.n, _entropy(sums.p.sum(axis=0) / sums.n)
    return Score(float(each.mean()), float(each.std()), float(quality), float(diversity))


def inception_score(logits: Array, splits: int = 10) -> Score:
    """The score of logits (n, C), split into ``splits`` consecutive parts. Raises UsageError."""
    logits = matrix("logits", logits)
    return score(add(start(len(logits), logits.shape[1], splits), logits))


def _entropy(p: Array) -> Array:
    """−Σ p log p over the last axis, in nats; 0 log 0 = 0."""
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)
