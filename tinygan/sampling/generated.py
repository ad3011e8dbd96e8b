"""A trained generator as an endless data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.recipes import Generative
from tinygan.sampling.request import BATCH
from tinygan.sampling.sample import numbered_latents


class GeneratedDataset:
    """The samples of a state as a data set without an end: sample i of a seed is the same in every batch."""

    size: int | None = None

    def __init__(self, name: str, recipe: Generative, state: Any, seed: int) -> None:
        self.name, self._recipe, self._state, self._seed = name, recipe, state, seed
        self.classes: tuple[str, ...] = ("sample",)
        self.shape: tuple[int, ...] = self.batch(np.arange(1))[0].shape[1:]

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        z = numbered_latents(self._recipe, index.tolist(), self._seed)
        x = np.concatenate([self._recipe.sample(self._state, z[i : i + BATCH]) for i in range(0, len(z), BATCH)])
        return x, {"class": np.zeros(len(index), np.int64)}
