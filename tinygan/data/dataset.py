"""The interface of a data set: random access to batches of samples."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from numpy import ndarray as Array

SPLITS = ("train", "test")


class Sample(NamedTuple):
    """The format of one sample: its ``shape``, the number of ``classes`` of its label "class", and their ``names``."""

    shape: tuple[int, ...]
    classes: int = 1
    names: tuple[str, ...] = ()  # used by text-conditional systems


class Batch(NamedTuple):
    """The input of a training step: samples ``x`` (n, *shape) and their ``labels``, as ``Dataset.batch`` returns them."""

    x: Array
    labels: dict[str, Array]


class Dataset(Protocol):
    """Random access to samples. ``size`` is their number, or None if every index from 0 on is a sample (endless).

    ``shape`` is (H, W, C) for images and (2,) for points. ``classes`` has the names of the values of the label "class".
    """

    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    size: int | None

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """The samples ``index`` (n,) int64: float32 (n, *shape), pixels in [-1, 1], and labels with at least "class"."""
