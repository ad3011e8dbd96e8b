"""Data sets: what they promise, how they are opened, which there are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tinygan.data.dataset import Batch, Dataset, Sample
from tinygan.data.registry import KNOWN, fetched, locate, open_known
from tinygan.errors import UsageError, nearest

__all__ = ["NAMES", "SPLITS", "Batch", "Dataset", "Entry", "Sample", "catalogue", "fetch_data", "open_data"]

SPLITS = ("train", "test")
NAMES = tuple(KNOWN)


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
    from tinygan.data.open_path import open_path

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
