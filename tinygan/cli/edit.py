"""``tinygan edit`` and ``tinygan geodesic``: pictures of a run's geometry."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array
from tinygan.data import open_data
from tinygan.errors import DataError, UsageError
from tinygan.formats.picture import SUFFIXES, parse_picture
from tinygan.formats.png import write_png
from tinygan.recipes.shared.game import Game
from tinygan.recipes.shared.localized import Charted
from tinygan.sampling.traversal import strip, sweep
from tinygan.training.loop import SAMPLE, restored
from tinygan.training.run import Run


def run_edit(args: argparse.Namespace) -> int:
    """``tinygan edit``."""
    run = Run.open(args.dir)
    if (args.image is None) == (args.index is None):
        raise UsageError("which image? Give one of --image FILE and --index I")
    with kernels.on_cpu(run.config.backend), kernels.precision(run.config.precision):
        recipe, state = of_kind(run, Charted, "edit moves an image in its own chart: give a run of lgan or lgan-semi")
        image = from_file(args.image) if args.image else from_data(run, args.index)
        grid = sweep(recipe, state, image, recipe.settings.sigma if args.reach is None else args.reach, args.columns)
    name = args.image.stem if args.image else args.index
    out = picture_path(args.out, run.samples / f"edit-{name}.png")
    write_png(out, grid)
    print(f"{out}: a row for each of {recipe.settings.latent} coordinates, the anchor boxed")
    return 0


def run_geodesic(args: argparse.Namespace) -> int:
    """``tinygan geodesic``."""
    run = Run.open(args.dir)
    if args.a < 0 or args.b < 0 or args.a == args.b or args.seed < 0:
        raise UsageError(f"--from and --to are two numbers of samples, 0 and up: got {args.a} and {args.b}")
    with kernels.on_cpu(run.config.backend), kernels.precision(run.config.precision):
        recipe, state = of_kind(run, Game, "geodesic joins two samples of one generator: give a run of dcgan or ssgan")
        if recipe.given:
            raise UsageError(f"{run.path} makes samples under conditions; geodesic is of a generator of latents alone")
        a, b = (recipe.latents(1, np.random.default_rng([args.seed, SAMPLE, i]))[0] for i in (args.a, args.b))
        grid, found = strip(recipe, state, a, b, args.columns)
    out = picture_path(args.out, run.samples / f"geodesic-{args.a}-{args.b}.png")
    write_png(out, grid)
    end = "converged" if found.converged else f"NOT converged, stopped after {found.steps} steps"
    print(f"length of the path {found.length:.4g}, of the straight line of latents {found.straight:.4g}; {end}")
    print(f"{out}: the path; the straight line of latents; the straight line of pixels")
    return 0


def of_kind(run: Run, kind: type, what: str) -> tuple[Any, Any]:
    """The recipe and the state of a run, where it is of the ``kind``; UsageError otherwise."""
    recipe, state = restored(run)
    if not isinstance(recipe, kind):
        raise UsageError(f"{run.path} is a run of {run.config.recipe}; {what}")
    return recipe, state


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
    """Image ``index`` of the test split of the run's data, which it has not seen, or where there is none, of its data."""
    try:
        data = open_data(run.config.data, split="test")
    except DataError:
        data = open_data(run.config.data, data_seed=run.config.seed)
    if index < 0 or (data.size is not None and index >= data.size):
        raise UsageError(f"--index is 0 to {(data.size or 0) - 1} in {data.name}: got {index}")
    image: Array = data.batch(np.array([index]))[0][0]
    return image


def picture_path(out: Path | None, default: Path) -> Path:
    if out is not None and out.suffix.lower() != ".png":
        raise UsageError(f"--out ends in .png: got {out}")
    return out or default
