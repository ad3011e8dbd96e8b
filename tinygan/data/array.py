"""A data set of the images in an array."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError


class ArrayImages:
    """The images x (N, H, W, C) of an array, uint8 or floats in [-1, 1]. All have one class, "image". Raises UsageError."""

    classes: tuple[str, ...] = ("image",)
    size: int | None

    def __init__(self, x: Array, name: str = "the array") -> None:
        if x.ndim != 4 or x.shape[3] not in (1, 3) or not x.size or not (x.dtype == np.uint8 or x.dtype.kind == "f"):
            raise UsageError(
                f"{name} is {x.dtype} {x.shape}; expected images (N, H, W, C), C of 1 or 3, uint8 or floats in [-1, 1]"
            )
        if x.dtype != np.uint8 and not (x.min() >= -1.001 and x.max() <= 1.001):  # NaN is refused too
            raise UsageError(
                f"{name} has pixels from {x.min()} to {x.max()}; expected floats in [-1, 1], or uint8: scale them"
            )
        self.name, self._x = name, x
        self.size, self.shape = len(x), tuple(x.shape[1:])

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """The images ``index`` as float32 in [-1, 1], and class 0 for each."""
        x, labels = self._x[index], {"class": np.zeros(len(index), np.int64)}
        return (x.astype(np.float32) / 127.5 - 1 if x.dtype == np.uint8 else x.astype(np.float32)), labels
