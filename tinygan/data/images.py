"""Pictures held in memory as bytes, given out as floats."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

_LEVELS = (np.arange(256) / 127.5 - 1).astype(np.float32)  # byte b ↦ b / 127.5 - 1


class Images:
    """A finite set: ``pixels`` (N, H, W, C) uint8 and their classes ``labels`` (N,), numbers into ``classes``."""

    size: int | None
    shape: tuple[int, ...]

    def __init__(self, name: str, pixels: Array, labels: Array, classes: tuple[str, ...]) -> None:
        self.name = name
        self.shape = pixels.shape[1:]
        self.size = len(pixels)
        self.classes = classes
        self._pixels = pixels
        self._labels = labels.astype(np.int64)

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """Pictures (n, H, W, C) float32 in [-1, 1] and labels {"class": (n,) int64}; IndexError outside the set."""
        return _LEVELS[self._pixels[index]], {"class": self._labels[index]}
