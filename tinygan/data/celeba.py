"""CelebA, aligned and cropped (Liu, Luo, Wang and Tang 2015): an archive of faces and two text files.

list_attr_celeba.txt has the number of images, then the names of the attributes, then one line per image: its file
name and 1 or -1 for each attribute. list_eval_partition.txt has one line per image: its file name and its split
(0 train, 1 validation, 2 test).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import Decoded, Images
from tinygan.data.registry import DATASETS
from tinygan.data.search_path import find_in
from tinygan.errors import DataError, FormatError
from tinygan.formats.archive import open_store
from tinygan.formats.picture import open_jpeg

CROP = 178  # pixels; the images are 178 wide and 218 high
_ATTRIBUTES, _PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
_BILINEAR = 2  # PIL.Image.Resampling.BILINEAR
_CODES = {"train": b"0", "test": b"2"}
_ADVICE = "expected the published file; download it again"


def find(place: Path, name: str, split: str) -> Path | None:
    """Find img_align_celeba.zip, or the folder it unpacks to, with both text files beside it."""
    found = find_in(place, ("img_align_celeba.zip", "img_align_celeba"))
    return found if found and all(find_in(found.parent, [text]) for text in (_ATTRIBUTES, _PARTITION)) else None


def load(path: Path, name: str, split: str) -> Images:
    """The data set at the image size that the registry gives for ``name``."""
    return faces(path, split, name, side=DATASETS[name].shape[0])


def faces(path: Path, split: str, name: str = "celeba", *, side: int = 64, crop: int = CROP) -> Images:
    """Faces (side, side, 3): the central square of ``crop`` pixels, resized by pillow's bilinear filter.

    Pillow scales the filter's support, so downsizing does not alias. An image is decoded each time it is read.
    Each attribute is a label, 1 or 0, under its own name; "class" is always 0. Raises DataError and FormatError.
    """
    of = _partition(path.parent / _PARTITION)
    names, attributes = _table(path.parent / _ATTRIBUTES)
    chosen = [(file, row) for file, row in names if of.get(file) == _CODES[split]]
    store = open_store(path, depth=1)
    prefix = "" if path.is_dir() else "img_align_celeba/"
    here = set(store.names)
    missing = next((file for file, _ in chosen if prefix + file not in here), None)
    if missing is not None or not chosen:
        raise DataError(f"{path}: has no {prefix + missing if missing else f'images of the split {split}'}; {_ADVICE}")

    def read(i: int) -> Array:
        file = prefix + chosen[i][0]
        image = open_jpeg(store.read(file), f"{path}, {file}").convert("RGB")
        square = min(crop, image.width, image.height)
        left, top = (image.width - square) // 2, (image.height - square) // 2
        middle = image.crop((left, top, left + square, top + square))
        return np.asarray(middle.resize((side, side), _BILINEAR))

    values = np.frombuffer(b"".join(row for _, row in chosen), np.uint8).reshape(len(chosen), -1) - ord("0")
    more = {attribute: values[:, k] for k, attribute in enumerate(attributes)}
    pixels = Decoded((len(chosen), side, side, 3), read)
    return Images(name, pixels, np.zeros(len(chosen), np.uint8), ("face",), more)


def _lines(path: Path) -> list[bytes]:
    return open_store(path.parent, depth=1).read(path.name).splitlines()


def _partition(path: Path) -> dict[str, bytes]:
    rows = [line.split() for line in _lines(path)]
    wrong = next((k for k, row in enumerate(rows, 1) if len(row) != 2 or row[1] not in (b"0", b"1", b"2")), None)
    if wrong is not None:
        raise FormatError(f"{path}: line {wrong} is not a file name and a split (0, 1 or 2); {_ADVICE}")
    return {file.decode("latin-1"): code for file, code in rows}


def _table(path: Path) -> tuple[list[tuple[str, bytes]], tuple[str, ...]]:
    """For each image (file name, an ASCII 0 or 1 for each attribute), and the names of the attributes."""
    lines = _lines(path)
    names = tuple(lines[1].decode("latin-1").split()) if len(lines) > 1 else ()
    if not names or lines[0].strip() != str(len(lines) - 2).encode():
        raise FormatError(f"{path}: does not start with the number of images and the names of attributes; {_ADVICE}")
    rows = []
    for k, line in enumerate(lines[2:], 3):
        file, *values = line.replace(b"-1", b"0").split() or [b""]
        row = b"".join(values)
        if len(values) != len(names) or len(row) != len(names) or row.strip(b"01"):
            raise FormatError(f"{path}: line {k} is not a file name and {len(names)} values 1 or -1; {_ADVICE}")
        rows.append((file.decode("latin-1"), row))
    return rows, names
