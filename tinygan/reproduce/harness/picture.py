"""Pictures of an experiment, large enough to look at."""

from __future__ import annotations

from pathlib import Path

from tinygan.core.layer import Array
from tinygan.formats.png import write_png
from tinygan.images.grid import enlarge


def write_picture(path: Path, picture: Array) -> None:
    """Write a picture (H, W, C) uint8, enlarged to at least 512 pixels a side. Raises DataError."""
    write_png(path, enlarge(picture))
