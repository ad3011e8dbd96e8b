"""What every data set offers: samples at random access, in batches."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from numpy import ndarray as Array


class Sample(NamedTuple):
    """What one sample of a set is: its ``shape``, the number of ``classes`` that its label "class" counts, their ``names``."""

    shape: tuple[int, ...]
    classes: int = 1
    names: tuple[str, ...] = ()  # of use to systems that read texts


class Batch(NamedTuple):
    """What a training step takes: samples ``x`` (n, *shape) and their ``labels``, as ``Dataset.batch`` gives them."""

    x: Array
    labels: dict[str, Array]


class Dataset(Protocol):
    """Samples at random access. ``size`` None: endless, every index from 0 on is a sample.

    ``shape`` is (H, W, C) for pictures and (2,) for points; ``classes`` names the values of the label "class".
    """

    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    size: int | None

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """Samples ``index`` (n,) int64: float32 (n, *shape), pixels in [-1, 1]; labels, with at least "class"."""
