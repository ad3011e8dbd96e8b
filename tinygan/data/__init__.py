"""Data sets: how they are opened, what they offer, and which have a name.

    data = tinygan.open_data("fashion-mnist")      # or the path of a folder of pictures, a .zip or a .npz file
    x, labels = data.batch(np.arange(32))          # x (32, 28, 28, 1) float32 in [-1, 1], labels["class"] (32,)

``catalogue()`` lists the sets that have a name: what each is, where its files are, and how to get them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tinygan.data.dataset import Batch, Dataset, Sample
from tinygan.data.registry import DATASETS, downloadable, locate, open_named
from tinygan.errors import UsageError, nearest

__all__ = ["NAMES", "SPLITS", "Batch", "CatalogueEntry", "Dataset", "Sample", "catalogue", "fetch_data", "open_data"]

SPLITS = ("train", "test")
NAMES = tuple(DATASETS)


class CatalogueEntry(NamedTuple):
    """One line of the catalogue; ``where`` is None for a set that is not here, and ``get`` tells how to get it."""

    name: str
    shape: tuple[int, ...]
    description: str
    path: str | None
    how_to_get: str


def open_data(name_or_path: str | Path, *, split: str = "train", data_seed: int = 0) -> Dataset:
    """Open a data set by its name in the catalogue, or by the path of its files (``open_path`` says which).

        x, labels = open_data("strokes").batch(np.arange(8))    # x (8, 28, 28, 1) in [-1, 1], labels["class"] (8,)

    ``split`` is "train" or "test"; sets drawn by formula draw other samples for it, and for another ``data_seed``
    (the others have no seed). Raises UsageError (unknown name or split), DataError (not here), FormatError (damaged).
    """
    if split not in SPLITS:
        raise UsageError(f"unknown split {split!r}; expected one of {', '.join(SPLITS)}")
    name = str(name_or_path)
    if name in DATASETS:
        return open_named(name, split, data_seed)
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


def catalogue() -> list[CatalogueEntry]:
    """Every set that has a name: its sample shape, what it is, where it is, how to get it. Reads no data."""
    return [_entry(name) for name in NAMES]


def _entry(name: str) -> CatalogueEntry:
    known = DATASETS[name]
    if known.base:
        return _entry(known.base)._replace(name=name, shape=known.shape, description=known.description)
    if not known.how_to_get:
        return CatalogueEntry(name, known.shape, known.description, "built in", "nothing to get: drawn by formula")
    path = locate(name)
    get = ("downloaded at first use; or " if downloadable(name) else "") + known.how_to_get
    return CatalogueEntry(name, known.shape, known.description, str(path) if path else None, get)
