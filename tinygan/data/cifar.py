"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), the binary and the Python version, as an archive or unpacked.

A record of the binary version has one label (CIFAR-10) or two, group and class (CIFAR-100), then 32 x 32 bytes each of
red, green and blue. A pickle of the Python version has the same bytes as an array (N, 3072) under "data", and the labels
as lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import Images
from tinygan.data.search_path import find_in
from tinygan.errors import DataError, FormatError
from tinygan.formats.pickled import parse_pickle
from tinygan.formats.tar import read_tar

SIDE = 32
_PIXELS = 3 * SIDE * SIDE
_GROUPS = 20
_MAX_BYTES = 2**28  # of one file; the largest published one, CIFAR-100's train.bin, has 153.7 million
_FINE = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree
wolf woman worm"""


class _Form(NamedTuple):
    """A data set's classes, the names of its unpacked folders, and the names of the files inside."""

    classes: tuple[str, ...]
    folders: tuple[str, str]  # binary, Python
    files: dict[str, tuple[str, ...]]  # by split; in the binary version they end in .bin
    labels: tuple[str, ...]  # in the order of a record, by their keys in a pickle; the last is the class


_FORMS = {
    "cifar-10": _Form(
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        ("cifar-10-batches-bin", "cifar-10-batches-py"),
        {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)},
        ("labels",),
    ),
    "cifar-100": _Form(
        tuple(_FINE.split()),
        ("cifar-100-binary", "cifar-100-python"),
        {"train": ("train",), "test": ("test",)},
        ("coarse_labels", "fine_labels"),
    ),
}


def find(place: Path, name: str, split: str) -> Path | None:
    """Find an archive or folder with the published name, or a folder that contains the binary files."""
    archives = f"{name}-binary.tar.gz", f"{name}-python.tar.gz"
    if found := find_in(place, (archives[0], _FORMS[name].folders[0], archives[1], _FORMS[name].folders[1])):
        return found
    return place if find_in(place, [f"{_FORMS[name].files[split][0]}.bin"]) else None


def load(path: Path, name: str, split: str) -> Images:
    """All images of a split (N, 32, 32, 3). CIFAR-100 also has the label "group". Raises DataError and FormatError."""
    form = _FORMS[name]
    python = path.name in (f"{name}-python.tar.gz", form.folders[1])
    parse = _from_pickle if python else _from_records
    stems = form.files[split]
    files = dict(_files(path, [stem if python else f"{stem}.bin" for stem in stems]))
    if len(files) < len(stems):
        raise DataError(
            f"{path}: has {len(files)} of the {len(stems)} files {', '.join(stems)} of {split!r}; add the missing ones"
        )
    parts = [parse(files[file], f"{path}, {file}", form) for file in sorted(files)]
    labels, pixels = (np.concatenate(each) for each in zip(*parts, strict=True))
    if not len(labels) or (labels.max(axis=0) >= (_GROUPS, len(form.classes))[-labels.shape[1] :]).any():
        raise FormatError(
            f"{path}: has no images, or a label outside its {len(form.classes)} classes; download it again"
        )
    more = {"group": labels[:, 0]} if labels.shape[1] == 2 else {}
    pictures = np.ascontiguousarray(pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    return Images(name, pictures, labels[:, -1], form.classes, more)


def _files(path: Path, names: list[str]) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for name in names:
            if find_in(path, [name]):
                if (path / name).stat().st_size > _MAX_BYTES:
                    raise FormatError(f"{path / name}: is longer than {_MAX_BYTES} bytes; download it again")
                yield name, (path / name).read_bytes()
        return
    for name, data in read_tar(path, lambda each: each.rpartition("/")[2] in names, _MAX_BYTES):
        yield name.rpartition("/")[2], data


def _from_records(data: bytes, name: str, form: _Form) -> tuple[Array, Array]:
    count = len(form.labels)
    if len(data) % (count + _PIXELS):
        raise FormatError(
            f"{name}: has {len(data)} bytes, not a multiple of a record's {count + _PIXELS}; download it again"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, count + _PIXELS)
    return records[:, :count], records[:, count:]


def _from_pickle(data: bytes, name: str, form: _Form) -> tuple[Array, Array]:
    table = parse_pickle(data, name)
    pixels = _entry(table, "data")
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        raise FormatError(f'{name}: has no array (N, {_PIXELS}) under "data"; download it again')
    columns = [_entry(table, label) for label in form.labels]
    for label, column in zip(form.labels, columns, strict=True):
        fits = isinstance(column, list) and len(column) == len(pixels)
        if not fits or not all(type(k) is int and 0 <= k < 256 for k in column):
            raise FormatError(
                f"{name}: expected {len(pixels)} integers from 0 to 255 under {label!r}; download it again"
            )
    return np.array(columns, np.uint8).T, pixels


def _entry(table: Any, key: str) -> Any:
    """The value under ``key``, which a pickle of Python 2 stores as bytes."""
    return table.get(key, table.get(key.encode())) if isinstance(table, dict) else None
