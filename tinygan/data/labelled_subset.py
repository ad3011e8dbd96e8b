"""A few labels: what a semi-supervised system may see of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from tinygan.data.sampler import Sampler
from tinygan.data.split import labels_per_class
from tinygan.errors import UsageError

if TYPE_CHECKING:
    from tinygan.data.dataset import Batch, Dataset

POOL = 10_000  # samples of an endless set among which the labelled are
BLOCK = 1_000


class LabelledSubset:
    """``n`` samples of each class whose labels may be seen, the same for a ``seed``, and ``taken`` of them a step.

    Raises UsageError where a class has fewer.
    """

    def __init__(self, data: Dataset, n: int, taken: int, seed: int) -> None:
        labels = classes_of(data)
        absent = sorted(set(range(len(data.classes))) - set(labels.tolist()))
        if absent:
            raise UsageError(
                f"{data.name} has no sample of class {data.classes[absent[0]]}: give data of all its classes"
            )
        self.index, _ = labels_per_class(labels, n, seed)
        self._data, self._taken = data, taken
        self._order = Sampler(len(self.index), seed)

    def prepend(self, step: int, batch: Batch) -> Batch:
        """The labelled samples of a step, then those of ``batch``, whose label is −1: hidden."""
        x, labels = self._data.batch(self.index[self._order.indices(step * self._taken, self._taken)])
        label = np.concatenate([labels["class"], np.full(len(batch.x), -1, np.int64)])
        return type(batch)(np.concatenate([x, batch.x]), {"class": label})


def classes_of(data: Dataset) -> Array:
    """The class of each sample (N,) int64, of an endless set of the first ``POOL``."""
    size = data.size or POOL
    blocks = (np.arange(i, min(i + BLOCK, size)) for i in range(0, size, BLOCK))
    return np.concatenate([data.batch(block)[1]["class"] for block in blocks])
