"""What the commands on latents share: a run, its latents by number, and the picture of their samples."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from tinygan.cli.options import add_picture, add_seed
from tinygan.cli.picture import picture_path, write_picture
from tinygan.core.layer import Array
from tinygan.errors import UsageError
from tinygan.images.grid import picture_of
from tinygan.recipes import Generative, LatentTable
from tinygan.recipes.protocols import LocalCoordinates
from tinygan.sampling.sample import numbered_latents
from tinygan.training.loading import load_state
from tinygan.training.run import Run


def add_latents(p: argparse.ArgumentParser, name: str) -> None:
    """The options that the commands share."""
    p.add_argument(
        "--table",
        action="store_true",
        help="the numbers are those of training images, whose latents a run of glo keeps, not of samples",
    )
    add_seed(p, "which latents the samples come from")
    add_picture(p, name)


class Latents:
    """A command's run, opened. Raises UsageError."""

    def __init__(self, args: argparse.Namespace, name: str) -> None:
        self.run, self.args = Run.open(args.dir), args
        config = self.run.config
        if args.seed < 0:
            raise UsageError(f"--seed is at least 0: got {args.seed}")
        self.out = picture_path(args.out, self.run, f"{name}{'-table' if args.table else ''}")
        recipe, self.state = load_state(self.run)
        if not isinstance(recipe, Generative):
            raise UsageError(f"{self.run.path} is a run of {config.recipe}, which makes no samples")
        if isinstance(recipe, LocalCoordinates):
            raise UsageError(
                f"{self.run.path} is a run of {config.recipe}, whose latents are local coordinates around an image: "
                "use tinygan edit"
            )
        if args.table and not isinstance(recipe, LatentTable):
            raise UsageError(
                f"{self.run.path} is a run of {config.recipe}, which keeps no latents of training images: drop --table"
            )
        self.recipe = recipe

    def of(self, numbers: Sequence[int]) -> Array:
        """The latents of samples or, with --table, of images that the run was trained on  →  (n, d)."""
        if min(numbers) < 0:
            raise UsageError(f"samples are numbered from 0: got {min(numbers)}")
        if self.args.table and isinstance(self.recipe, LatentTable):
            return self.recipe.of_index(self.state, np.array(numbers))
        return numbered_latents(self.recipe, numbers, self.args.seed)

    def draw(self, z: Array) -> None:
        """The samples of latents side by side, as ``out``."""
        config = self.run.config
        with config.numerics():
            x = self.recipe.sample(self.state, z)
        write_picture(self.out, picture_of(x, nrow=len(x)), self.args.scale)


def listed(numbers: Sequence[int]) -> str:
    """3+5+7, and of more than four their number beside the first: 3+5+7+9+12more."""
    return "+".join([*map(str, numbers[:4]), *([f"{len(numbers) - 4}more"] if len(numbers) > 4 else [])])
