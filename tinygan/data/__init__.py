"""Data sets: what they promise, how they are opened, which there are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from numpy import ndarray as Array

from tinygan.data import folder, mnist, toys
from tinygan.data.strokes import Strokes
from tinygan.errors import DataError, UsageError, nearest

_SPLITS = ("train", "test")


DOWNLOAD = "downloaded at first use; or "
NAMES = (Strokes.name, *mnist.KNOWN, *toys.KINDS)


class Sample(NamedTuple):
    """What one sample of a set is: its ``shape``, and the number of ``classes`` that its label "class" counts."""

    shape: tuple[int, ...]
    classes: int = 1


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
    """A data set by its name in the catalogue, or a folder: of pictures, or with the IDX files of an MNIST-like set.

    ``split`` is "train" or "test"; sets drawn by formula draw other samples for it, and for another ``data_seed``
    (the others have no seed). A folder of pictures is one split, "train". Raises UsageError (unknown name or split),
    DataError (not here), FormatError (damaged).
    """
    if split not in _SPLITS:
        raise UsageError(f"unknown split {split!r}; expected one of {', '.join(_SPLITS)}")
    name = str(name_or_path)
    if name == Strokes.name:
        return Strokes(data_seed, _SPLITS.index(split))
    if name in toys.KINDS:
        return toys.Toy(name, data_seed, _SPLITS.index(split))
    if name in mnist.KNOWN:
        return mnist.load_known(name, split)
    if not name or (not Path(name).is_dir() and "/" not in name):
        raise UsageError(f"no data set or folder {name!r}{nearest(name, NAMES)}; the names are {', '.join(NAMES)}")
    return _open_folder(Path(name), split)


def fetch_data(name: str) -> None:
    """Get every split of a named set that is not here yet, and read it once, hashes and all. Raises as ``open_data``."""
    for split in _SPLITS:
        open_data(name, split=split)


def catalogue() -> list[Entry]:
    """Every set that has a name: its sample shape, what it is, where it is, how to get it. Reads no data."""
    drawn = "nothing to get: drawn by formula"
    return [
        Entry(Strokes.name, Strokes.shape, "handwritten-looking digits, endless", "built in", drawn),
        *(
            Entry(
                name,
                (28, 28, 1),
                known.what,
                str(place) if (place := mnist.locate(name)) else None,
                DOWNLOAD + known.get,
            )
            for name, known in mnist.KNOWN.items()
        ),
        *(Entry(name, toys.Toy.shape, kind.what, "built in", drawn) for name, kind in toys.KINDS.items()),
    ]


def _open_folder(path: Path, split: str) -> Dataset:
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; expected pictures or IDX files in it; check the path")
    if any(mnist.holds(path, each) for each in _SPLITS):
        return mnist.load_folder(path, split, path.name)
    if split != "train":
        raise DataError(f"{path}: a folder of pictures is one split, 'train'; give the folder of the {split} pictures")
    return folder.load_pictures(path)
