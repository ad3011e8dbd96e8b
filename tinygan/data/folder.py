"""Pictures in a folder or a zip archive as a data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import Decoded, Images, numbers
from tinygan.errors import DataError, FormatError
from tinygan.formats.archive import Store, open_store
from tinygan.formats.picture import SUFFIXES, parse_picture

IN_MEMORY = 2**28  # bytes of pixels that are decoded once and kept: 256 MiB; beyond it a picture is decoded at each use
MOST_CLASSES = 2**16
_INDEX = "dataset.json"
_EXPECTED = f'expected {{"labels": [["a.png", 0], ...]}}, each picture once, classes 0 to {MOST_CLASSES - 1}'


def load_pictures(path: Path, name: str) -> Images:
    """All PNG (and, with pillow, JPEG) files of a folder or zip, or of its folders: then each folder is a class.

    Files come in the order of their names, classes too; hidden ones are passed over, as are deeper folders. A folder
    around all the rest of an archive is looked through. A file dataset.json with {"labels": [[name, k], ...]} (Karras
    et al. 2020) tells which pictures there are and their classes k; {"labels": null} makes all one class.
    Transparency is composited on black and dropped. All pictures must have one size and number of channels; beyond
    ``IN_MEMORY`` that is seen when a picture is asked for. Raises DataError and FormatError.
    """
    store = open_store(path)
    listed = _listed(store)
    if listed is not None:
        names = sorted(listed, key=lambda each: each.split("/"))
        labels = np.array([listed[each] for each in names], np.int64)
        return Images(name, _pixels(store, names), labels, numbers(labels))
    names, classes = _by_folder(store, name)
    of = {each: k for k, each in enumerate(classes)}
    labels = np.array([of.get(each.rpartition("/")[0].rpartition("/")[2], 0) for each in names], np.int64)
    return Images(name, _pixels(store, names), labels, classes)


def _by_folder(store: Store, name: str) -> tuple[list[str], tuple[str, ...]]:
    """The pictures and the classes by the rule of folders."""
    names = [each for each in store.names if each.lower().endswith(SUFFIXES)]
    parts = [each.split("/") for each in names]
    around = 0
    while parts and all(len(part) > around + 2 and part[around] == parts[0][around] for part in parts):
        around += 1
    names = [each for each, part in zip(names, parts, strict=True) if len(part) <= around + 2]
    if not names:
        raise DataError(
            f"{store.path}: holds no pictures; expected PNG or JPEG files, or folders of them; check the path"
        )
    beside = [part[-1] for part in parts if len(part) == around + 1]
    classes = sorted({part[around] for part in parts if len(part) == around + 2})
    if beside and classes:
        raise DataError(
            f"{store.path}: has pictures both beside and inside folders ({beside[0]}, {classes[0]}/); expected one of "
            "the two; move the pictures into folders, one for each class"
        )
    return names, tuple(classes) or (name,)


def _listed(store: Store) -> dict[str, int] | None:
    """Classes by picture as dataset.json lists them; None where there is no such file."""
    if _INDEX not in store.names:
        return None
    try:
        table = json.loads(store.read(_INDEX))
        labels = table["labels"]
        if labels is None:
            labels = [(name, 0) for name in store.names if name.lower().endswith(SUFFIXES)]
        listed = {name: k for name, k in labels if isinstance(name, str) and type(k) is int and 0 <= k < MOST_CLASSES}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"{store.path}: its {_INDEX} is not read ({error!r}); {_EXPECTED}") from error
    strange = listed.keys() - {name for name in store.names if name.lower().endswith(SUFFIXES)}
    if len(listed) != len(labels) or strange:
        raise FormatError(f"{store.path}: its {_INDEX} names what is no picture there, or no class; {_EXPECTED}")
    if not listed:
        raise DataError(f"{store.path}: its {_INDEX} lists no pictures; add them")
    return listed


def _pixels(store: Store, names: list[str]) -> Array | Decoded:
    first = _picture(store, names[0])

    def read(i: int) -> Array:
        picture = _picture(store, names[i])
        if picture.shape != first.shape:
            raise FormatError(
                f"{store.path / names[i]}: is {_size(picture)} but {store.path / names[0]} is {_size(first)}; "
                "expected one size for all pictures; resize or remove the odd ones"
            )
        return picture

    pixels = Decoded((len(names), *first.shape), read)
    return pixels if len(names) * first.size > IN_MEMORY else pixels[np.arange(len(names))]


def _picture(store: Store, name: str) -> Array:
    return parse_picture(store.read(name), str(store.path / name))


def _size(picture: Array) -> str:
    return "{1} x {0} pixels, {2} channels".format(*picture.shape)
