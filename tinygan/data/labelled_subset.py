"""The few labelled samples of a semi-supervised task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from tinygan.data.sampler import Sampler
from tinygan.data.split import labels_per_class
from tinygan.errors import UsageError

if TYPE_CHECKING:
    from tinygan.data.dataset import Batch, Dataset

POOL = 10_000  # the labelled samples of an endless set are among its first POOL
BLOCK = 1_000


class LabelledSubset:
    """``n`` labelled samples of each class, chosen by ``seed``; ``per_step`` of them are used in each training step.

    Raises UsageError if a class has fewer than ``n`` samples.
    """

    def __init__(self, data: Dataset, n: int, per_step: int, seed: int) -> None:
        labels = classes_of(data)
        absent = sorted(set(range(len(data.classes))) - set(labels.tolist()))
        if absent:
            raise UsageError(
                f"{data.name} has no sample of class {data.classes[absent[0]]}; use data that has every class"
            )
        self.index, _ = labels_per_class(labels, n, seed)
        self._data, self._per_step = data, per_step
        self._sampler = Sampler(len(self.index), seed)

    def prepend(self, step: int, batch: Batch) -> Batch:
        """The labelled samples of a step, followed by ``batch`` with the label −1 (unlabelled)."""
        x, labels = self._data.batch(self.index[self._sampler.indices(step * self._per_step, self._per_step)])
        label = np.concatenate([labels["class"], np.full(len(batch.x), -1, np.int64)])
        return type(batch)(np.concatenate([x, batch.x]), {"class": label})


def classes_of(data: Dataset) -> Array:
    """The class of each sample (N,) int64; for an endless set, of its first ``POOL`` samples."""
    size = data.size or POOL
    blocks = (np.arange(i, min(i + BLOCK, size)) for i in range(0, size, BLOCK))
    return np.concatenate([data.batch(block)[1]["class"] for block in blocks])
