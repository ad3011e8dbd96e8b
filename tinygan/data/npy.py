"""A data set of the images in one .npy file, read a batch at a time."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import DataError, FormatError
from tinygan.formats.npy import read_npy_header

_TYPES = {"u1": np.uint8, "f2": np.float16, "f4": np.float32, "f8": np.float64}


class Npy:
    """The images (N, H, W, C) of a file, uint8 or floats in [-1, 1]. They stay on disk. All have one class, "image".

    Raises DataError (cannot be read) and FormatError (not such a file). Pixels outside [-1, 1] are a FormatError when
    they are read.
    """

    classes: tuple[str, ...] = ("image",)
    shape: tuple[int, ...]
    size: int | None

    def __init__(self, path: Path) -> None:
        self.name, self._path = path.name, path
        try:
            with path.open("rb") as file:
                descr, fortran, shape, self._start = read_npy_header(file)
            held = path.stat().st_size - self._start
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}; expected a .npy file") from error
        except ValueError as error:
            raise FormatError(
                f"{path} is not a .npy file of one numeric array ({error}); save it again with numpy.save"
            ) from error
        if len(shape) != 4 or fortran or shape[3] not in (1, 3) or 0 in shape or descr[1:] not in _TYPES:
            raise FormatError(
                f"{path} has {descr} {shape}{' in Fortran order' * fortran}; expected images "
                "(N, H, W, C) in C order with C of 1 or 3, uint8 or floats in [-1, 1]"
            )
        self._dtype = np.dtype(_TYPES[descr[1:]]).newbyteorder(">" if descr[0] == ">" else "<")
        if math.prod(shape) * self._dtype.itemsize != held:
            raise FormatError(f"{path} declares {descr} {shape} but has {held} bytes of values; copy it again")
        self.size, self.shape = shape[0], tuple(shape[1:])

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """The images ``index`` as float32 in [-1, 1], and class 0 for each. Raises FormatError."""
        x = np.empty((len(index), *self.shape), self._dtype)
        row = math.prod(self.shape) * self._dtype.itemsize
        buffers = x.reshape(len(index), -1).view(np.uint8)
        with self._path.open("rb", buffering=0) as file:
            for i in np.argsort(index):  # in file order
                file.seek(self._start + int(index[i]) * row)
                if file.readinto(buffers[i].data) != row:
                    raise FormatError(f"{self._path} changed while it was being read; copy it again")
        labels = {"class": np.zeros(len(index), np.int64)}
        if x.dtype == np.uint8:
            return x.astype(np.float32) / 127.5 - 1, labels
        if x.size and not (x.min() >= -1.001 and x.max() <= 1.001):
            raise FormatError(
                f"{self._path} has pixels from {x.min()} to {x.max()}; expected floats in [-1, 1] or uint8"
            )
        return x.astype(np.float32), labels
