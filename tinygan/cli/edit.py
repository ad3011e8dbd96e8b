"""``tinygan edit``: an image varied along its local coordinates."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tinygan.cli.loaded import of_kind
from tinygan.cli.options import add_picture, add_run, completes, real, whole
from tinygan.cli.picture import picture_path, write_picture
from tinygan.cli.terminal import plural
from tinygan.core.layer import Array
from tinygan.data import open_data
from tinygan.errors import DataError, FormatError, UsageError
from tinygan.formats.picture import SUFFIXES, parse_picture
from tinygan.recipes.protocols import LocalCoordinates
from tinygan.sampling.traversal import sweep
from tinygan.training.run import Run

ABOUT = """
    Vary an image along the local coordinates that a localized GAN (lgan or lgan-semi; Qi et al. 2018) has learnt. The
    picture has a row for each coordinate: its value z grows from left to right, and the image itself stands in the
    middle, in a white frame.
"""
EXAMPLES = [
    ("tinygan edit runs/lgan-strokes --index 3", "image 3 of the data"),
    ("tinygan edit runs/lgan-strokes --image mine.png --reach 2", "an image of your own, changed more"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    add_run(p, what="the folder of a run of lgan or lgan-semi")
    completes(
        p.add_argument("--image", type=Path, metavar="FILE", help="a picture of the size of the run's images"), "files"
    )
    p.add_argument(
        "--index",
        type=whole,
        metavar="I",
        help="or image I, from 0, of the run's data (of its test split if it has one)",
    )
    p.add_argument(
        "--reach",
        type=real,
        metavar="Z",
        help="z goes from -Z to Z, above 0 (default: the setting sigma, the spread of z in training)",
    )
    p.add_argument("--columns", type=whole, default=11, metavar="N", help="images a row, odd, at least 3 (default: 11)")
    add_picture(p, "edit-I")


def run(args: argparse.Namespace) -> int:
    """The picture."""
    run = Run.open(args.dir)
    if (args.image is None) == (args.index is None):
        raise UsageError("which image? Give one of --image FILE and --index I")
    out = picture_path(args.out, run, f"edit-{args.image.stem if args.image else args.index}")
    with run.config.numerics():
        recipe, state = of_kind(
            run,
            LocalCoordinates,
            "edit needs the local coordinates of a localized GAN: give a run of lgan or lgan-semi",
        )
        image = from_file(args.image) if args.image else from_data(run, args.index)
        grid = sweep(recipe, state, image, recipe.spread if args.reach is None else args.reach, args.columns)
    write_picture(out, grid, args.scale)
    print(f"{out}: {plural(recipe.latent, 'row')}, one for each coordinate\nthe image itself is in the white frame")
    return 0


def from_file(path: Path) -> Array:
    """A picture as pixels in [-1, 1]. Raises UsageError, DataError, FormatError."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: expected a picture, {', '.join(SUFFIXES)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; check the path") from error
    return parse_picture(data, str(path)).astype(np.float32) / 127.5 - 1


def from_data(run: Run, index: int) -> Array:
    """Image ``index`` of the test split of the run's data, or where there is none, of the data it was trained on."""
    try:
        data = open_data(run.config.data, split="test")
    except FormatError:
        raise
    except DataError:
        data = open_data(run.config.data, data_seed=run.config.seed)
    if index < 0 or (data.size is not None and index >= data.size):
        raise UsageError(f"--index is 0 to {(data.size or 0) - 1} in {data.name}: got {index}")
    image: Array = data.batch(np.array([index]))[0][0]
    return image
