"""Arrays of pictures and labels in an .npz file: a zip archive of .npy files (NumPy Enhancement Proposal 1)."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import Images, numbers
from tinygan.errors import DataError, FormatError
from tinygan.formats.archive import open_store

MAX_BYTES = 2**31  # of one array: 2 GiB
MOST_CLASSES = 2**16
_IMAGES = ("x_{}", "{}_images", "x", "images")
_LABELS = {"x_{}": "y_{}", "{}_images": "{}_labels", "x": "y", "images": "labels"}
_HEADER = re.compile(  # as NumPy writes it: keys in order, a type of whole numbers
    rb"\{'descr': '([|<>=]?(?:b1|[iu][1248]))', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\),? ?\}\s*"
)
_ADVICE = (
    "np.savez(file, x=..., y=...) writes what is expected: x bytes (N, H, W) or (N, H, W, C), y whole numbers (N,)"
)


def load(path: Path, split: str) -> Images:
    """The pictures x (or images) and their classes y (or labels; all 0 where there are none) in ``path``.

    x is uint8 (N, H, W) or (N, H, W, C), y whole numbers (N,) or (N, 1) from 0 to 65,535. x_train and x_test, or
    train_images and test_images, are the two splits; x and images are "train". Nothing is unpickled, and no memory is
    asked for beyond what the file can hold. Raises DataError and FormatError.
    """
    store = open_store(path, max_bytes=MAX_BYTES)
    keys = [key for key in _IMAGES if f"{key.format(split)}.npy" in store.names and ("{}" in key or split == "train")]
    if not keys:
        held = ", ".join(name.removesuffix(".npy") for name in store.names[:8]) or "nothing"
        raise DataError(f"{path}: has no pictures of the split {split!r}, but {held[:200]}; {_ADVICE}")
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
    return Images(path.stem, pixels if pixels.ndim == 4 else pixels[..., None], labels.ravel(), numbers(labels))


def _parse(data: bytes, name: str) -> Array:
    """The array in the bytes of an .npy file: magic, version, length of the header, header, content."""
    size = {1: 2, 2: 4}.get(data[6] if len(data) > 6 else 0)
    if not data.startswith(b"\x93NUMPY") or size is None:
        raise FormatError(f"{name}: is no .npy file of version 1 or 2; {_ADVICE}")
    start = 8 + size + int.from_bytes(data[8 : 8 + size], "little")
    header = _HEADER.fullmatch(data[8 + size : start])
    if header is None:
        raise FormatError(f"{name}: its header is {data[8 + size : start][:80]!r}, not of whole numbers; {_ADVICE}")
    kind, fortran, sizes = np.dtype(header[1].decode()), header[2] == b"True", header[3].decode()
    shape = tuple(int(n) for n in sizes.split(",") if n.strip())
    if any(n > len(data) for n in shape) or math.prod(shape) * kind.itemsize != len(data) - start:
        raise FormatError(f"{name}: declares {shape} of {kind} but has {len(data) - start} bytes; {_ADVICE}")
    return np.frombuffer(data, kind, offset=start).reshape(shape, order="F" if fortran else "C")
