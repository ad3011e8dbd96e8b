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

GRID, COLUMNS = 64, 8  # images in a sample grid, and in each of its rows


def write_samples(run: Run, recipe: Recipe, state: Any, step: int) -> None:
    """samples/STEP.png, where the recipe makes samples: of the same latents at every step. Raises Diverged."""
    if isinstance(recipe, Generative):
        require_finite_state(step, state, recipe)
        z = recipe.latents(GRID, np.random.default_rng([run.config.seed, Stream.PICTURE]))
        write_grid(run, f"{step:06d}", recipe.sample(state, z))


def write_grid(run: Run, name: str, images: Array) -> None:
    """Images, points or strings as samples/NAME.png, large enough to look at."""
    picture = picture_of(images, run.config.sample_columns or COLUMNS)
    write_png(run.samples / f"{name}.png", enlarge(picture, run.config.sample_scale))


def next_picture(run: Run, recipe: Recipe, step: int) -> str:
    """Where the first picture after ``step`` will be, in words; empty where there is none."""
    every, last = run.config.sample_every, run.config.steps
    if step >= last or not isinstance(recipe, Generative):
        return ""
    at = min(step - step % every + every, last)
    return f"next picture, at step {at}: {run.samples / f'{at:06d}.png'}"
