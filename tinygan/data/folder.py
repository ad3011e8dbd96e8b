"""A folder of pictures as a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.data.images import Images
from tinygan.data.png import MAX_PIXELS, read_png
from tinygan.errors import DataError, FormatError

_JPEG = (".jpg", ".jpeg")


def load_pictures(folder: Path) -> Images:
    """All PNG (and, with pillow, JPEG) files of ``folder``, or of its subfolders: then each subfolder is a class.

    Files come in the order of their names, classes too; hidden ones are passed over. Transparency is composited on
    black and dropped. All pictures must have one size and number of channels. Raises DataError and FormatError.
    """
    paths = _pictures(folder)
    classes = tuple(sub.name for sub in _visible(folder) if sub.is_dir() and _pictures(sub))
    if paths and classes:
        raise DataError(
            f"{folder}: has pictures both beside and inside folders ({paths[0].name}, {classes[0]}/); expected one of "
            "the two; move the pictures into folders, one for each class"
        )
    groups = [_pictures(folder / name) for name in classes] if classes else [paths]
    paths = [path for group in groups for path in group]
    if not paths:
        raise DataError(f"{folder}: holds no pictures; expected PNG or JPEG files, or folders of them; check the path")
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return Images(folder.resolve().name, _load(paths), labels, classes or (folder.resolve().name,))


def _load(paths: list[Path]) -> Array:
    first = _read(paths[0])
    pixels = np.empty((len(paths), *first.shape), np.uint8)
    for k, path in enumerate(paths):
        picture = _read(path)
        if picture.shape != first.shape:
            raise FormatError(
                f"{path}: is {_size(picture)} but {paths[0]} is {_size(first)}; expected one size for all pictures; "
                "resize or remove the odd ones"
            )
        pixels[k] = picture
    return pixels


def _read(path: Path) -> Array:
    picture = _read_jpeg(path) if path.suffix.lower() in _JPEG else read_png(path)
    if picture.shape[2] in (1, 3):
        return picture
    colour, alpha = picture[..., :-1].astype(np.uint16), picture[..., -1:]
    return ((colour * alpha + 127) // 255).astype(np.uint8)  # over black


def _read_jpeg(path: Path) -> Array:
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(f"{path}: a JPEG file needs pillow; pip install 'tinygan[image]', or convert to PNG") from error
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise FormatError(f"{path}: declares {image.width} x {image.height} pixels; expected at most 2**24")
            picture = np.asarray(image if image.mode == "L" else image.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise FormatError(f"{path}: is not a whole JPEG file ({error}); get it again or remove it") from error
    return picture.reshape(*picture.shape[:2], -1)


def _pictures(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.suffix.lower() in (".png", *_JPEG) and path.is_file()]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _size(picture: Array) -> str:
    return "{1} x {0} pixels, {2} channels".format(*picture.shape)
