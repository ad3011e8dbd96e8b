"""Stacked MNIST: three digits as the channels of one image, a distribution with 1,000 modes (Metz et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from tinygan.data.counter_rng import key, uniform
from tinygan.data.registry import DATASETS, open_named

if TYPE_CHECKING:
    from tinygan.data.dataset import Dataset


def draw(name: str, split: str, seed: int) -> Stacked:
    """The data set ``name`` of the registry."""
    return Stacked(name, open_named(DATASETS[name].base, split, seed), seed, int(split == "test"))


class Stacked:
    """Sample i has three images of ``base`` (grey, K classes), drawn uniformly and independently, as red, green and blue.

    The set is endless. The label "class" is K² r + K g + b for the classes r, g, b of the channels; its name joins theirs.
    Source: Metz et al. 2017, §3.3.1; modes are counted as in Lin et al. 2018, §4.2. Raises ValueError if ``base`` is
    endless or not grey.
    """

    size: int | None = None

    def __init__(self, name: str, base: Dataset, seed: int = 0, split: int = 0) -> None:
        if base.size is None or base.shape[2] != 1:
            raise ValueError(f"Stacked: base is {base.name} {base.shape}, size {base.size}; expected finite and grey")
        self.name = name
        self.shape: tuple[int, ...] = (*base.shape[:2], 3)
        self.classes = tuple(r + g + b for r in base.classes for g in base.classes for b in base.classes)
        self._base, self._count = base, base.size
        self._stream = key(seed, split)

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """Images (n, H, W, 3) float32 in [-1, 1] and {"class": (n,) int64}. Sample i of a seed is the same in every batch."""
        drawn = (self._count * uniform(self._stream, index, 3)).astype(np.int64)
        pictures, labels = self._base.batch(drawn.ravel())
        kinds, k = labels["class"].reshape(-1, 3), len(self._base.classes)
        stacked = pictures.reshape(-1, 3, *self.shape[:2]).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(stacked), {"class": kinds @ np.array([k * k, k, 1])}
