"""Parts of a data set by index: which labels a semi-supervised system may see, and two halves of a set."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

SPLIT = 6  # the stream of a seed that splits; train.py and data/order.py have the others


def labels_per_class(labels: Array, n: int, seed: int) -> tuple[Array, Array]:
    """Indices of ``n`` samples of each class, drawn without repetition, and indices of all others; both int64, ascending.

    ``labels`` (N,) are class numbers, of which those that occur count. The draw of a class depends on the seed, the class
    and its own samples only, and the first n of it are among the first n + 1: more labels add to fewer.
    Raises UsageError where a class has fewer than ``n`` samples or labels are not class numbers.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
        raise UsageError(f"labels are class numbers (N,), 0 and up: got {labels.dtype} {labels.shape}")
    if n < 1 or seed < 0:
        raise UsageError(f"labels per class are 1 or more and a seed 0 or more: got {n} and {seed}")
    classes, counts = np.unique(labels, return_counts=True)
    if not len(classes) or counts.min() < n:
        fewest = f"class {classes[counts.argmin()]} has {counts.min()}" if len(classes) else "there are none"
        raise UsageError(f"{n} labels of each class are asked for and {fewest}: ask for fewer")
    drawn = [np.random.default_rng([seed, SPLIT, int(c)]).permutation(np.flatnonzero(labels == c))[:n] for c in classes]
    labelled = np.sort(np.concatenate(drawn))
    return labelled, np.setdiff1d(np.arange(len(labels)), labelled)


def halves(size: int, seed: int) -> tuple[Array, Array]:
    """Two disjoint sets of ⌊size/2⌋ indices each, drawn at random, int64, ascending. Raises UsageError below two samples."""
    if size < 2 or seed < 0:
        raise UsageError(f"two halves need at least 2 samples and a seed 0 or more: got {size} and {seed}")
    order = np.random.default_rng([seed, SPLIT]).permutation(size)
    half = size // 2
    return np.sort(order[:half]), np.sort(order[half : 2 * half])
