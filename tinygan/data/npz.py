"""A data set of the images and labels in an .npz file: a zip archive of .npy files (NumPy Enhancement Proposal 1)."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import MOST_CLASSES, Images, class_numbers
from tinygan.errors import DataError, FormatError
from tinygan.formats.archive import open_store
from tinygan.formats.npy import read_npy_header

MAX_BYTES = 2**31  # of one array: 2 GiB
_IMAGES = ("x_{}", "{}_images", "x", "images")
_LABELS = {"x_{}": "y_{}", "{}_images": "{}_labels", "x": "y", "images": "labels"}
_INTEGER = re.compile("[|<>=]?(?:b1|[iu][1248])")  # dtypes
_ADVICE = "np.savez(file, x=..., y=...) writes the expected file: x uint8 (N, H, W) or (N, H, W, C), y integers (N,)"


def load(path: Path, split: str) -> Images:
    """The images ``x`` (or ``images``) and classes ``y`` (or ``labels``; all 0 if absent) in the file ``path``.

    x is uint8 (N, H, W) or (N, H, W, C), y integers (N,) or (N, 1) from 0 to 65,535. The splits are x_train and x_test,
    or train_images and test_images; x and images are the split "train". Nothing is unpickled, and memory is limited
    by the size of the file. Raises DataError and FormatError.
    """
    store = open_store(path, max_bytes=MAX_BYTES)
    keys = [key for key in _IMAGES if f"{key.format(split)}.npy" in store.names and ("{}" in key or split == "train")]
    if not keys:
        held = ", ".join(name.removesuffix(".npy") for name in store.names[:8]) or "nothing"
        raise DataError(f"{path}: has no images of the split {split!r}, only {held[:200]}; {_ADVICE}")
    name = keys[0].format(split)
    pixels = _parse(store.read(f"{name}.npy"), f"{path}, {name}")
    of = _LABELS[keys[0]].format(split)
    here = f"{of}.npy" in store.names
    labels = _parse(store.read(f"{of}.npy"), f"{path}, {of}") if here else np.zeros(len(pixels), np.uint8)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or not pixels.size:
        raise FormatError(f"{path}: {name} is {pixels.dtype} {pixels.shape}; {_ADVICE}")
    if labels.shape not in ((len(pixels),), (len(pixels), 1)) or labels.min() < 0 or labels.max() >= MOST_CLASSES:
        span = f"from {labels.min()} to {labels.max()}" if labels.size else "empty"
        raise FormatError(f"{path}: {of} is {labels.dtype} {labels.shape} {span}; {_ADVICE}")
    return Images(path.stem, pixels if pixels.ndim == 4 else pixels[..., None], labels.ravel(), class_numbers(labels))


def _parse(data: bytes, name: str) -> Array:
    """The integer array in the bytes of a .npy file. Raises FormatError."""
    try:
        descr, fortran, shape, start = read_npy_header(io.BytesIO(data))
    except ValueError as error:
        raise FormatError(f"{name}: {error}; {_ADVICE}") from error
    if not _INTEGER.fullmatch(descr):
        raise FormatError(f"{name}: is {descr} {shape}, not an array of integers; {_ADVICE}")
    kind = np.dtype(descr)
    if any(n > len(data) for n in shape) or math.prod(shape) * kind.itemsize != len(data) - start:
        raise FormatError(f"{name}: declares {shape} {kind} but has {len(data) - start} bytes; {_ADVICE}")
    return np.frombuffer(data, kind, offset=start).reshape(shape, order="F" if fortran else "C")
