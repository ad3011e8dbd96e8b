"""The sample pictures of a run: grids of the data and of the same latents at every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.streams import Stream
from tinygan.formats.png import write_png
from tinygan.images.grid import enlarge, picture_of
from tinygan.recipes import Generative, Recipe
from tinygan.training.finite import require_finite_state
from tinygan.training.run import Run

GRID = 64  # images in a sample grid


def write_samples(run: Run, recipe: Recipe, state: Any, step: int) -> None:
    """samples/STEP.png, where the recipe makes samples: of the same latents at every step. Raises Diverged."""
    if isinstance(recipe, Generative):
        require_finite_state(step, state, recipe)
        z = recipe.latents(GRID, np.random.default_rng([run.config.seed, Stream.PICTURE]))
        write_grid(run, f"{step:06d}", recipe.sample(state, z))


def write_grid(run: Run, name: str, images: Array) -> None:
    """Images, or points, as samples/NAME.png, enlarged to at least 512 pixels a side."""
    write_png(run.samples / f"{name}.png", enlarge(picture_of(images)))
