"""Decode one image file, PNG or JPEG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import DataError, FormatError
from tinygan.formats.png import MAX_PIXELS, parse_png

if TYPE_CHECKING:
    from PIL.Image import Image

JPEG = (".jpg", ".jpeg")
SUFFIXES = (".png", *JPEG)


def parse_picture(data: bytes, name: str, ground: int = 0) -> Array:
    """Pixels (H, W, 1) or (H, W, 3) uint8. The suffix of ``name`` selects the format.

    A transparent image is composited on the grey value ``ground`` g, 0 (black) to 255 (white): (c α + g (255 - α)) / 255,
    rounded. Raises FormatError (damaged) and DataError (JPEG without pillow).
    """
    if name.lower().endswith(JPEG):
        image = open_jpeg(data, name)
        picture = np.asarray(image if image.mode == "L" else image.convert("RGB"))
        return picture.reshape(*picture.shape[:2], -1)
    picture = parse_png(data, name)
    if picture.shape[2] in (1, 3):
        return picture
    colour, alpha = picture[..., :-1].astype(np.uint32), picture[..., -1:].astype(np.uint32)
    return ((colour * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)


def open_jpeg(data: bytes, name: str) -> Image:
    """Decode a JPEG file by pillow. Raises FormatError (damaged or too large) and DataError (pillow is not installed)."""
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            f"{name}: a JPEG file needs pillow; pip install 'tinygan[image]', or convert it to PNG"
        ) from error
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG"])
        if image.width * image.height > MAX_PIXELS:
            raise FormatError(f"{name}: declares {image.width} x {image.height} pixels; expected at most 2**24")
        image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FormatError(f"{name}: is not a whole JPEG file ({error}); copy it again or remove it") from error
    return image
