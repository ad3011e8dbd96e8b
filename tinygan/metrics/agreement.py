"""Label agreement: does a conditional generator make what it was asked for?"""

from __future__ import annotations

from numpy import ndarray as Array

from tinygan.metrics.inputs import classes, matrix


def agreement(logits: Array, labels: Array) -> float:
    """The share of samples whose largest logit of an independent classifier (n, C) is that of the label asked for (n,).

    Read it beside the classifier's own accuracy on real images, which bounds it for an honest generator.
    """
    logits = matrix("logits", logits)
    return float((logits.argmax(axis=1) == classes("labels", labels, of=logits.shape[1], n=len(logits))).mean())
