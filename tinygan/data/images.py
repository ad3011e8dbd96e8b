"""A finite set of images, stored as bytes in memory or in files, returned as floats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import ndarray as Array

MOST_CLASSES = 2**16  # of labels in a user's files


class Decoded:
    """An array-like (N, H, W, C) uint8 for ``Images`` that decodes image i by ``read(i)`` each time it is indexed.

    ``read`` must return (H, W, C) uint8. Several threads may call it.
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
    """A finite data set: ``pixels`` (N, H, W, C) uint8 and ``labels`` (N,), which are indices into ``classes``.

    ``more`` has further labels by name, integers (N,). A byte b is the pixel value 2 b / ``white`` - 1.
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
        """Images (n, H, W, C) float32 in [-1, 1] and labels (n,) int64 with at least "class". Raises IndexError."""
        labels = {name: values[index].astype(np.int64) for name, values in self._labels.items()}
        return self._levels[self._pixels[index]], labels


def class_numbers(labels: Array) -> tuple[str, ...]:
    """Class names "0", "1", ... for labels without names."""
    return tuple(str(k) for k in range(int(labels.max()) + 1))
