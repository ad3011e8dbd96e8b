"""The same emoji in two designs: the npm packages emoji-datasource-google and emoji-datasource-twitter.

Both packages have images of the same names, img/OWNER/64/NAME.png, and the same table emoji.json. So image i of one set
corresponds to image i of the other, and a translation learnt from unpaired images can be compared with the truth.
Training on both needs different shuffling seeds, otherwise the pairs stay together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.data.images import Images
from tinygan.data.search_path import find_in
from tinygan.errors import DataError, FormatError
from tinygan.formats.archive import MAX_BYTES, open_store
from tinygan.formats.picture import parse_picture
from tinygan.formats.tar import read_tar

VERSION = "16.0.0"  # other versions have other emoji, so indices would not correspond
SIDE = 64
_TEST = 10  # one emoji in 10 belongs to the test split, the same one in both sets


def find(place: Path, name: str, split: str) -> Path | None:
    """Find the archive that npm writes, or the package's folder, also inside node_modules."""
    package = _package(name)
    return find_in(place, (f"{package}-{VERSION}.tgz", package, f"node_modules/{package}"))


def load(path: Path, name: str, split: str) -> Images:
    """Images (N, 64, 64, 3) composited on white, sorted by name. The classes are the categories.

    Only emoji that both packages have are used, without skin-tone variants. Every tenth is in the split "test", the
    others are in "train". Raises DataError and FormatError.
    """
    folder = f"img/{name.removeprefix('emoji-')}/64"
    read = _reader(path, folder)
    version = _json(read("package.json"), path).get("version")
    if version != VERSION:
        raise FormatError(
            f"{path}: is version {str(version)[:20]!a}; expected {VERSION}; run npm pack {_package(name)}@{VERSION}"
        )
    table = sorted(_entries(_json(read("emoji.json"), path), path))
    chosen = [entry for k, entry in enumerate(table) if (k % _TEST == _TEST - 1) == (split == "test")]
    if not chosen:
        raise FormatError(f"{path}: lists too few emoji for a split {split!r}; download the package again")
    classes = tuple(sorted({category for _, category in table}))
    pixels = np.empty((len(chosen), SIDE, SIDE, 3), np.uint8)
    for k, (file, _) in enumerate(chosen):
        picture = parse_picture(read(f"{folder}/{file}"), f"{path}, {file}", ground=255)
        if picture.shape[:2] != (SIDE, SIDE):
            raise FormatError(
                f"{path}, {file}: is {picture.shape[1]} x {picture.shape[0]} pixels; expected {SIDE} x {SIDE}; download the "
                "package again"
            )
        pixels[k] = picture  # grey is copied to all three channels
    labels = np.array([classes.index(category) for _, category in chosen])
    return Images(name, pixels, labels, classes)


def _package(name: str) -> str:
    return name.replace("emoji-", "emoji-datasource-")


def _reader(path: Path, folder: str) -> Callable[[str], bytes]:
    """A function that returns the bytes of one of the package's files by its name."""
    if path.is_dir():
        return open_store(path, depth=1).read

    def wanted(name: str) -> bool:
        return name.startswith(f"package/{folder}/") or name in ("package/package.json", "package/emoji.json")

    files = {name.removeprefix("package/"): data for name, data in read_tar(path, wanted, MAX_BYTES)}

    def read(name: str) -> bytes:
        if name not in files:
            raise DataError(f"{path}: has no {name[:80]!a}; download the package again")
        return files[name]

    return read


def _json(data: bytes, path: Path) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: has a damaged JSON file ({error}); download the package again") from error


def _entries(table: Any, path: Path) -> list[tuple[str, str]]:
    """(file, category) of the emoji that have both pictures."""
    try:
        both = [entry for entry in table if entry["has_img_google"] is True and entry["has_img_twitter"] is True]
        entries = [(entry["image"], entry["category"]) for entry in both]
    except (TypeError, KeyError) as error:
        raise FormatError(
            f"{path}: its emoji.json has an unexpected structure ({error!r}); download the package again"
        ) from error
    for file, category in entries:
        if not isinstance(file, str) or not isinstance(category, str) or not file.endswith(".png") or "/" in file:
            raise FormatError(f"{path}: its emoji.json has an unexpected structure; download the package again")
    return entries
