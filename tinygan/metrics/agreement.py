"""Label agreement: how often a class-conditional generator produces the requested class."""

from __future__ import annotations

from numpy import ndarray as Array

from tinygan.metrics.inputs import classes, matrix


def agreement(logits: Array, labels: Array) -> float:
    """The fraction of samples that an independent classifier assigns to the requested label, in [0, 1]; higher is better.

    ``logits`` (n, C) are the classifier's, ``labels`` (n,) the requested classes. The classifier's accuracy on real images
    is the value for a perfect generator. Raises UsageError.
    """
    logits = matrix("logits", logits)
    return float((logits.argmax(axis=1) == classes("labels", labels, of=logits.shape[1], n=len(logits))).mean())
