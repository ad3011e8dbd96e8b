"""Clusters without names: how right they are under the best naming."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import classes

MOST = 16  # clusters: all subsets of them are gone through


def match(counts: Array) -> list[int]:
    """For each row of counts (K, K) a column of its own, so that their sum is the greatest; exact.

    best(S) over the first |S| rows and the columns S = max over c in S of best(S − c) + counts[|S| − 1, c] (Held & Karp 1962):
    2ᴷ subsets, which for ten clusters is sooner said than the Hungarian algorithm. Raises UsageError.
    """
    K = len(counts)
    if counts.shape != (K, K) or not 1 <= K <= MOST:
        raise UsageError(f"counts are a square of 1 to {MOST} rows: got {counts.shape}")
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for row in counts.tolist():
        grown: dict[int, tuple[float, list[int]]] = {}
        for used, (value, columns) in best.items():
            for c in range(K):
                if not used >> c & 1:
                    more = value + row[c], [*columns, c]
                    grown[used | 1 << c] = max(grown.get(used | 1 << c, more), more)
        best = grown
    return best[(1 << K) - 1][1]


def cluster_accuracy(clusters: Array, labels: Array, of: int) -> float:
    """The share of samples whose cluster (n,) is their label (n,), under the best one-to-one naming of ``of`` clusters.

    Raises UsageError.
    """
    clusters = classes("clusters", clusters, of=of, n=len(labels))
    labels = classes("labels", labels, of=of, n=len(clusters))
    counts = np.zeros((of, of), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return float(counts[np.arange(of), match(counts)].sum()) / len(labels)
