"""Pictures that a command writes: where, and large enough to look at."""

from __future__ import annotations

from pathlib import Path

from tinygan.core.layer import Array
from tinygan.errors import UsageError
from tinygan.formats.png import write_png
from tinygan.images.grid import enlarge
from tinygan.training.run import Run


def picture_path(out: Path | None, run: Run, name: str) -> Path:
    """--out, or RUN/samples/NAME.png. Raises UsageError."""
    if out is not None and out.suffix.lower() != ".png":
        raise UsageError(f"--out ends in .png: got {out}")
    return out or run.samples / f"{name}.png"


def write_picture(path: Path, picture: Array, scale: int | None) -> None:
    """The picture (H, W, C) uint8, enlarged. Raises DataError."""
    write_png(path, enlarge(picture, scale))
