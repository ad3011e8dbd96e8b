"""``tinygan interpolate``, ``average`` and ``arithmetic``: pictures of latents of a run, mixed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array
from tinygan.errors import UsageError
from tinygan.formats.png import write_png
from tinygan.images.grid import picture_of
from tinygan.recipes import Generative, Tabled
from tinygan.recipes.shared.localized import Charted
from tinygan.sampling import interpolation as mixing
from tinygan.training.loop import SAMPLE, restored
from tinygan.training.run import Run


def run_interpolate(args: argparse.Namespace) -> int:
    """``tinygan interpolate``."""
    mixed = Mixed(args)
    z = mixed.latents([args.a, args.b])
    mixed.draw(mixing.between(z[0], z[1], args.columns, args.spherical), f"interpolate-{args.a}-{args.b}")
    print(
        f"{mixed.out}: {args.columns} latents from the first to the last, on {'an arc' if args.spherical else 'a line'}"
    )
    return 0


def run_average(args: argparse.Namespace) -> int:
    """``tinygan average``."""
    mixed = Mixed(args)
    mixed.draw(mixing.average(mixed.latents(args.of)), f"average-{named(args.of)}")
    print(f"{mixed.out}: {len(args.of)} samples, then that of their mean latent")
    return 0


def run_arithmetic(args: argparse.Namespace) -> int:
    """``tinygan arithmetic``."""
    mixed = Mixed(args)
    a, b, c = (mixed.latents(numbers) for numbers in (args.a, args.b, args.c))
    mixed.draw(mixing.arithmetic(a, b, c), f"arithmetic-{named(args.a)}-{named(args.b)}-{named(args.c)}")
    print(f"{mixed.out}: a, b, c and a - b + c")
    return 0


class Mixed:
    """A command's run, opened: its latents by number, and the picture of what was made of them. Raises UsageError."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.run, self.args = Run.open(args.dir), args
        config = self.run.config
        if args.seed < 0:
            raise UsageError(f"--seed is at least 0: got {args.seed}")
        if args.out is not None and args.out.suffix.lower() != ".png":
            raise UsageError(f"--out ends in .png: got {args.out}")
        recipe, self.state = restored(self.run)
        if not isinstance(recipe, Generative):
            raise UsageError(f"{self.run.path} is a run of {config.recipe}, which makes no samples")
        if isinstance(recipe, Charted):
            raise UsageError(f"{self.run.path} makes samples around images, each in its own chart: see tinygan edit")
        if args.table and not isinstance(recipe, Tabled):
            raise UsageError(
                f"{self.run.path} is a run of {config.recipe}, which keeps no latents of images: drop --table"
            )
        self.recipe = recipe

    def latents(self, numbers: Sequence[int]) -> Array:
        """Those of samples or, with --table, of images that the run was trained on  →  (n, d)."""
        if min(numbers) < 0:
            raise UsageError(f"samples are numbered from 0: got {min(numbers)}")
        if self.args.table and isinstance(self.recipe, Tabled):
            return self.recipe.of_index(self.state, np.array(numbers))
        each = (np.random.default_rng([self.args.seed, SAMPLE, i]) for i in numbers)
        return np.concatenate([self.recipe.latents(1, rng) for rng in each])

    def draw(self, z: Array, name: str) -> None:
        """The samples of latents side by side, as ``out``."""
        self.out: Path = self.args.out or self.run.samples / f"{name}{'-table' if self.args.table else ''}.png"
        config = self.run.config
        with kernels.on_cpu(config.backend), kernels.precision(config.precision):
            x = self.recipe.sample(self.state, z)
        write_png(self.out, picture_of(x, nrow=len(x)))


def named(numbers: Sequence[int]) -> str:
    """3+5+7, and of more than four their number beside the first: 3+5+7+9+12more."""
    return "+".join([*map(str, numbers[:4]), *([f"{len(numbers) - 4}more"] if len(numbers) > 4 else [])])
