"""Accuracy of unsupervised clusters under the best assignment of clusters to labels."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import classes

MOST = 16  # clusters; the algorithm visits all 2^K subsets


def match(counts: Array) -> list[int]:
    """Assign each row of counts (K, K) to a different column such that the sum of the selected entries is maximal. Exact.

    Dynamic programming over subsets S of columns for the first |S| rows (Held and Karp 1962):
    best(S) = max over c in S of best(S − c) + counts[|S| − 1, c]. It needs 2ᴷ subsets and is shorter than the Hungarian
    algorithm. Raises UsageError.
    """
    K = len(counts)
    if counts.shape != (K, K) or not 1 <= K <= MOST:
        raise UsageError(f"expected square counts of 1 to {MOST} rows, got {counts.shape}")
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
    """The fraction of samples whose cluster (n,) corresponds to their label (n,), in [0, 1]; higher is better.

    ``of`` clusters are assigned to as many labels one to one, in the best way. Raises UsageError.
    """
    clusters = classes("clusters", clusters, of=of, n=len(labels))
    labels = classes("labels", labels, of=of, n=len(clusters))
    counts = np.zeros((of, of), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return float(counts[np.arange(of), match(counts)].sum()) / len(labels)
