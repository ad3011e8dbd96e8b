"""Samples of a run's newest checkpoint, as a request asks for them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinygan.core.layer import Array
from tinygan.errors import UsageError
from tinygan.recipes import Generative
from tinygan.sampling.request import SampleRequest, images, latents, recalibrate, refuse
from tinygan.training.loading import load_average, load_state
from tinygan.training.run import Run

SAMPLE, SETTLE = 5, 7


def sample(run: Run, n: int, seed: int, request: SampleRequest | None = None) -> Array:
    """n images (n, H, W, C) in [-1, 1] from the newest checkpoint of a run.

    For a sweep they are (rows, columns, H, W, C), whatever n is; for a sequence (n, steps, H, W, C).
    Raises UsageError where the recipe does not support the request, FormatError where there is no checkpoint.
    """
    request = request or SampleRequest()
    recipe, state = load_state(run) if request.average is None else load_average(run, request.average)
    if not isinstance(recipe, Generative):
        raise UsageError(
            f"{run.path}: {run.config.recipe} makes no samples: see tinygan eval of a classifier, translate of a cyclegan"
        )
    refuse(recipe, run.config.recipe, request)
    z = latents(recipe, request, n, np.random.default_rng([seed, SAMPLE]))
    state = recalibrate(recipe, state, request, np.random.default_rng([seed, SETTLE]))
    return images(recipe, state, request, z)


def numbered_latents(recipe: Generative, numbers: Iterable[int], seed: int) -> Array:
    """The latents (n, d) of samples by number: sample i of a seed is the same alone and in any batch."""
    return np.concatenate([recipe.latents(1, np.random.default_rng([seed, SAMPLE, i])) for i in numbers])
