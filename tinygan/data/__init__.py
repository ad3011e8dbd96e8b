"""Data sets: what they promise, how they are opened, which there are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from numpy import ndarray as Array

from tinygan.data.known import KNOWN, fetched, locate, open_known
from tinygan.errors import UsageError, nearest

SPLITS = ("train", "test")
NAMES = tuple(KNOWN)


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


class Entry(NamedTuple):
    """One line of the catalogue; ``where`` is None for a set that is not here, and ``get`` tells how to get it."""

    name: str
    shape: tuple[int, ...]
    what: str
    where: str | None
    get: str


def open_data(name_or_path: str | Path, *, split: str = "train", data_seed: int = 0) -> Dataset:
    """A data set by its name in the catalogue, or by the path of its files (``open_path`` says which).

    ``split`` is "train" or "test"; sets drawn by formula draw other samples for it, and for another ``data_seed``
    (the others have no seed). Raises UsageError (unknown name or split), DataError (not here), FormatError (damaged).
    """
    if split not in SPLITS:
        raise UsageError(f"unknown split {split!r}; expected one of {', '.join(SPLITS)}")
    name = str(name_or_path)
    if name in KNOWN:
        return open_known(name, split, data_seed)
    if not name or (not Path(name).exists() and "/" not in name):
        raise UsageError(
            f"no data set, file or folder {name!r}{nearest(name, NAMES)}; the names are {', '.join(NAMES)}"
        )
    from tinygan.data.paths import open_path

    return open_path(Path(name), split)


def fetch_data(name: str) -> None:
    """Get every split of a named set that is not here yet, and read it once, hashes and all. Raises as ``open_data``."""
    for split in SPLITS:
        open_data(name, split=split)


def catalogue() -> list[Entry]:
    """Every set that has a name: its sample shape, what it is, where it is, how to get it. Reads no data."""
    return [_entry(name) for name in NAMES]


def _entry(name: str) -> Entry:
    known = KNOWN[name]
    if known.base:
        return _entry(known.base)._replace(name=name, shape=known.shape, what=known.what)
    if not known.get:
        return Entry(name, known.shape, known.what, "built in", "nothing to get: drawn by formula")
    path = locate(name)
    get = ("downloaded at first use; or " if fetched(name) else "") + known.get
    return Entry(name, known.shape, known.what, str(path) if path else None, get)
