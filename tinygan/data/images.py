"""Pictures held as bytes, in memory or in their files, given out as floats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import ndarray as Array


class Decoded:
    """What looks like an array (N, H, W, C) uint8 to ``Images`` but decodes picture i, ``read(i)``, when asked for it.

    ``read`` must give (H, W, C) uint8, and may be called by several threads.
    """

    def __init__(self, shape: tuple[int, ...], read: Callable[[int], Array]) -> None:
        self.shape = shape
        self._read = read

    def __getitem__(self, index: Array) -> Array:
        pixels = np.empty((len(index), *self.shape[1:]), np.uint8)
        for k, i in enumerate(index.tolist()):
            pixels[k] = self._read(i)
        return pixels


class Images:
    """A finite set: ``pixels`` (N, H, W, C) uint8 and their classes ``labels`` (N,), numbers into ``classes``.

    ``more`` are further labels, whole numbers (N,), by name. A byte b stands for 2 b / ``white`` - 1.
    """

    size: int | None
    shape: tuple[int, ...]

    def __init__(
        self,
        name: str,
        pixels: Array | Decoded,
        labels: Array,
        classes: tuple[str, ...],
        more: dict[str, Array] | None = None,
        white: int = 255,
    ) -> None:
        self.name = name
        self.shape = pixels.shape[1:]
        self.size = pixels.shape[0]
        self.classes = classes
        self._pixels = pixels
        self._labels = (more or {}) | {"class": labels}
        self._levels = (np.arange(256) / (white / 2) - 1).astype(np.float32)

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """Pictures (n, H, W, C) float32 in [-1, 1] and labels (n,) int64, among them "class"; IndexError outside."""
        labels = {name: values[index].astype(np.int64) for name, values in self._labels.items()}
        return self._levels[self._pixels[index]], labels


def numbers(labels: Array) -> tuple[str, ...]:
    """Names for the classes 0 ... max of labels that have none."""
    return tuple(str(k) for k in range(int(labels.max()) + 1))
