"""Samples of a trained state, as a request describes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.streams import Stream
from tinygan.errors import UsageError
from tinygan.recipes import Generative, Recipe
from tinygan.sampling.request import SampleRequest, images, latents, recalibrate, require_supported


def sample_state(recipe: Recipe, state: Any, name: str, n: int, seed: int, request: SampleRequest) -> Array:
    """n images (n, H, W, C) in [-1, 1] of a state of the recipe called ``name``.

    For a sweep they are (rows, columns, H, W, C), whatever n is; for a sequence (n, steps, H, W, C).
    Raises UsageError where the recipe does not support the request. ``request.average`` is the caller's part.
    """
    if not isinstance(recipe, Generative):
        raise UsageError(f"{name} makes no samples: see tinygan eval for a classifier, tinygan translate for cyclegan")
    require_supported(recipe, name, request)
    z = latents(recipe, request, n, np.random.default_rng([seed, Stream.SAMPLE]))
    state = recalibrate(recipe, state, request, np.random.default_rng([seed, Stream.STANDING]))
    return images(recipe, state, request, z)


def numbered_latents(recipe: Generative, numbers: Iterable[int], seed: int) -> Array:
    """The latents (n, d) of samples by number: sample i of a seed is the same alone and in any batch."""
    return np.concatenate([recipe.latents(1, np.random.default_rng([seed, Stream.SAMPLE, i])) for i in numbers])
