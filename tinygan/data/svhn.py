"""SVHN, cropped digits (Netzer et al. 2011): X (32, 32, 3, N) uint8 and y (N, 1), where 10 means the digit 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygan.data.images import Images
from tinygan.data.search_path import find_in
from tinygan.errors import FormatError
from tinygan.formats.mat5 import read_mat

CLASSES = tuple("0123456789")


def find(place: Path, name: str, split: str) -> Path | None:
    """Find train_32x32.mat or test_32x32.mat."""
    return find_in(place, [f"{split}_32x32.mat"])


def load(path: Path, name: str, split: str) -> Images:
    """The images (N, 32, 32, 3) and digits of a file. Raises DataError and FormatError."""
    arrays = read_mat(path)
    x, y = arrays.get("X"), arrays.get("y")
    if x is None or y is None or x.ndim != 4 or x.dtype != np.uint8 or x.shape[2] != 3 or y.size != x.shape[3]:
        found = ", ".join(f"{key[:20]!a} {array.dtype} {array.shape}" for key, array in list(arrays.items())[:4])
        raise FormatError(
            f"{path}: has the arrays {found or 'none'}; expected X, uint8 (H, W, 3, N), and y (N, 1); download it again"
        )
    labels = y.ravel()
    if not x.size or not np.isin(labels, np.arange(1, 11)).all():
        raise FormatError(f"{path}: has no images, or a label outside 1 to 10; download it again")
    return Images(name, np.ascontiguousarray(x.transpose(3, 0, 1, 2)), labels.astype(np.int64) % 10, CLASSES)
