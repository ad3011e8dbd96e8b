"""A data set of the images in a folder or a zip archive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import MOST_CLASSES, Decoded, Images, class_numbers
from tinygan.errors import DataError, FormatError
from tinygan.formats.archive import Store, open_store
from tinygan.formats.picture import SUFFIXES, parse_picture

IN_MEMORY = 2**28  # bytes of pixels kept in memory: 256 MiB; a larger set is decoded image by image at each use
_INDEX = "dataset.json"
_EXPECTED = f'expected {{"labels": [["a.png", 0], ...]}}, each image once, classes 0 to {MOST_CLASSES - 1}'


def load_images(path: Path, name: str) -> Images:
    """All PNG files (and JPEG files, with pillow) of a folder or zip archive. If they lie in sub-folders, each is a class.

    Files and classes are sorted by name. Hidden files and deeper folders are ignored. A single folder that contains
    everything else is skipped. A file dataset.json with {"labels": [[name, k], ...]} (Karras et al. 2020) lists the
    images and their classes k instead; {"labels": null} puts all images in one class.
    Transparent images are composited on black. All images must have the same size and number of channels; for a set
    larger than ``IN_MEMORY`` this is checked when an image is read. Raises DataError and FormatError.
    """
    store = open_store(path)
    listed = _listed(store)
    if listed is not None:
        names = sorted(listed, key=lambda each: each.split("/"))
        labels = np.array([listed[each] for each in names], np.int64)
        return Images(name, _pixels(store, names), labels, class_numbers(labels))
    names, classes = _by_folder(store, name)
    of = {each: k for k, each in enumerate(classes)}
    labels = np.array([of.get(each.rpartition("/")[0].rpartition("/")[2], 0) for each in names], np.int64)
    return Images(name, _pixels(store, names), labels, classes)


def _by_folder(store: Store, name: str) -> tuple[list[str], tuple[str, ...]]:
    """The image files and the class names, one class per sub-folder."""
    names = [each for each in store.names if each.lower().endswith(SUFFIXES)]
    parts = [each.split("/") for each in names]
    around = 0
    while parts and all(len(part) > around + 2 and part[around] == parts[0][around] for part in parts):
        around += 1
    names = [each for each, part in zip(names, parts, strict=True) if len(part) <= around + 2]
    if not names:
        raise DataError(f"{store.path}: has no images; expected PNG or JPEG files, or folders of them; check the path")
    beside = [part[-1] for part in parts if len(part) == around + 1]
    classes = sorted({part[around] for part in parts if len(part) == around + 2})
    if beside and classes:
        raise DataError(
            f"{store.path}: has images both beside and inside sub-folders ({beside[0]}, {classes[0]}/); expected one or "
            "the other; move all images into sub-folders, one per class"
        )
    return names, tuple(classes) or (name,)


def _listed(store: Store) -> dict[str, int] | None:
    """The class of each image that dataset.json lists; None if there is no such file."""
    if _INDEX not in store.names:
        return None
    try:
        table = json.loads(store.read(_INDEX))
        labels = table["labels"]
        if labels is None:
            labels = [(name, 0) for name in store.names if name.lower().endswith(SUFFIXES)]
        listed = {name: k for name, k in labels if isinstance(name, str) and type(k) is int and 0 <= k < MOST_CLASSES}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"{store.path}: its {_INDEX} has an unexpected structure ({error!r}); {_EXPECTED}") from error
    strange = listed.keys() - {name for name in store.names if name.lower().endswith(SUFFIXES)}
    if len(listed) != len(labels) or strange:
        raise FormatError(f"{store.path}: its {_INDEX} lists a missing image or an invalid class; {_EXPECTED}")
    if not listed:
        raise DataError(f"{store.path}: its {_INDEX} lists no images; add them")
    return listed


def _pixels(store: Store, names: list[str]) -> Array | Decoded:
    first = _picture(store, names[0])

    def read(i: int) -> Array:
        picture = _picture(store, names[i])
        if picture.shape != first.shape:
            raise FormatError(
                f"{store.path / names[i]}: is {_size(picture)} but {store.path / names[0]} is {_size(first)}; "
                "expected one size for all images; resize or remove those that differ"
            )
        return picture

    pixels = Decoded((len(names), *first.shape), read)
    return pixels if len(names) * first.size > IN_MEMORY else pixels[np.arange(len(names))]


def _picture(store: Store, name: str) -> Array:
    return parse_picture(store.read(name), str(store.path / name))


def _size(picture: Array) -> str:
    return "{1} x {0} pixels, {2} channels".format(*picture.shape)
