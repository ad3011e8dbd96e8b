"""A finite part of a data set whose samples carry their index, for systems that store a value per sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

if TYPE_CHECKING:
    from tinygan.data.dataset import Dataset


class Enumerated:
    """The first ``n`` samples of ``data``, with the label "index", 0 to n − 1. Raises UsageError if there are fewer."""

    def __init__(self, data: Dataset, n: int) -> None:
        if data.size is not None and data.size < n:
            raise UsageError(f"{n} images are needed and {data.name} has {data.size}; add --set images={data.size}")
        self.name, self.shape, self.classes, self._data = data.name, data.shape, data.classes, data
        self.size: int | None = n

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        x, labels = self._data.batch(index)
        return x, labels | {"index": np.asarray(index)}
