"""Random parts of a data set, by index: the labelled samples of a semi-supervised task, and two halves."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.core.streams import Stream
from tinygan.errors import UsageError


def labels_per_class(labels: Array, n: int, seed: int) -> tuple[Array, Array]:
    """Indices of ``n`` random samples of each class, and indices of all other samples; both int64, ascending.

    ``labels`` (N,) are class indices; a class that does not occur is ignored. The samples drawn from a class depend only on
    the seed, the class and its own samples, and those for n are among those for n + 1.
    Raises UsageError if a class has fewer than ``n`` samples or if labels are not class indices.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
        raise UsageError(f"labels must be class indices (N,), at least 0; got {labels.dtype} {labels.shape}")
    if n < 1 or seed < 0:
        raise UsageError(f"expected at least 1 label per class and a seed of at least 0; got {n} and {seed}")
    classes, counts = np.unique(labels, return_counts=True)
    if not len(classes) or counts.min() < n:
        fewest = f"class {classes[counts.argmin()]} has {counts.min()}" if len(classes) else "there are no samples"
        raise UsageError(f"{n} labels per class are needed and {fewest}; choose fewer labels")
    drawn = [
        np.random.default_rng([seed, Stream.SPLIT, int(c)]).permutation(np.flatnonzero(labels == c))[:n]
        for c in classes
    ]
    labelled = np.sort(np.concatenate(drawn))
    return labelled, np.setdiff1d(np.arange(len(labels)), labelled)


def halves(size: int, seed: int) -> tuple[Array, Array]:
    """Two disjoint random sets of ⌊size/2⌋ indices each, int64, ascending. Raises UsageError if ``size`` is below 2."""
    if size < 2 or seed < 0:
        raise UsageError(f"two halves need at least 2 samples and a seed of at least 0; got {size} and {seed}")
    order = np.random.default_rng([seed, Stream.SPLIT]).permutation(size)
    half = size // 2
    return np.sort(order[:half]), np.sort(order[half : 2 * half])
