"""What a generator can be asked for: a class, a text, a sweep of a code, truncated latents, standing statistics."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array, modules
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm
from tinygan.recipes import RECIPES, Generative, SamplesByClass, SamplesByCode, SamplesByText, SamplesInSteps
from tinygan.recipes.protocols import GaussianLatents
from tinygan.sampling.standing import standing_statistics
from tinygan.sampling.truncation import check_truncation, truncated

BATCH = 64  # samples made at once


class SampleRequest(NamedTuple):
    """Which samples to make; without any choice, samples as the recipe draws them.

    label       of this class
    text        of this text
    truncation  with each number of z within ±truncation (Brock et al. 2019)
    standing    with batch-norm statistics measured anew over so many batches of 64
    sweep       a grid in which this code, as "c1", runs from end to end along each row
    average     with the mean of the weights of so many checkpoints, the last ones
    sequence    each sample as the row of its states after each step of a recipe that draws in steps
    """

    label: int | None = None
    text: str | None = None
    truncation: float | None = None
    standing: int | None = None
    sweep: str | None = None
    average: int | None = None
    sequence: bool = False

    @property
    def rows(self) -> bool:
        """Whether images come in rows and columns."""
        return self.sweep is not None or self.sequence


def require_supported(recipe: Generative, name: str, request: SampleRequest) -> None:
    """Raise UsageError where the recipe called ``name`` does not support the request."""
    label, text, truncation, standing, sweep, _, sequence = request
    if label is not None and text is not None:
        raise UsageError("label chooses a class and text a text: give one of them")
    if label is not None and not isinstance(recipe, SamplesByClass):
        raise UsageError(f"{name} has no classes to choose: label is for {systems('of_class')}")
    if text is not None and not isinstance(recipe, SamplesByText):
        raise UsageError(f"{name} reads no text: text is for {systems('of_text')}")
    if sweep is not None and not isinstance(recipe, SamplesByCode):
        raise UsageError(f"{name} has no codes to sweep: sweep is for {systems('code_sweep')}")
    if sequence and not isinstance(recipe, SamplesInSteps):
        raise UsageError(f"{name} makes a sample in one step: sequence is for {systems('canvases')}")
    if sequence and sweep is not None:
        raise UsageError("sweep and sequence make a grid each: give one of them")
    if sweep is not None and truncation is not None:
        raise UsageError("sweep keeps z along each row: drop truncation")
    for option, value in (("truncation", truncation), ("standing", standing)):
        if value is not None and not isinstance(recipe, GaussianLatents):
            raise UsageError(f"{name} is not a GAN of one G and one D: {option} is for {systems('discriminate')}")
    if truncation is not None:
        check_truncation(truncation)
    if standing is not None:
        if standing < 1:
            raise UsageError(f"standing is a number of batches, at least 1: got {standing}")
        if not any(isinstance(f, BatchNorm) for f in modules(recipe.nets["G"].f)):
            raise UsageError("the run's generator has no batch norm, so no statistics: drop standing")


def systems(method: str) -> str:
    """The names of the recipes that have a method."""
    return ", ".join(name for name, entry in RECIPES.items() if hasattr(entry.make, method))


def latents(recipe: Generative, request: SampleRequest, n: int, rng: np.random.Generator) -> Array:
    """The latents (n, d) of n samples; of a sweep (rows, columns, d), whatever n is."""
    if request.sweep is not None and isinstance(recipe, SamplesByCode):
        return recipe.code_sweep(request.sweep, rng)
    if request.label is not None and isinstance(recipe, SamplesByClass):
        x = recipe.of_class(request.label, n, rng)
    elif request.text is not None and isinstance(recipe, SamplesByText):
        x = recipe.of_text(request.text, n, rng)
    else:
        x = recipe.latents(n, rng)
    if request.truncation is not None and isinstance(recipe, GaussianLatents):
        z = truncated(rng, (n, recipe.latent), request.truncation)
        x = np.concatenate([x[:, : recipe.cond_dim], z], axis=1)
    return x


def images(recipe: Generative, state: Any, request: SampleRequest, z: Array) -> Array:
    """The samples of latents z; of a sweep or a sequence in rows and columns."""
    if request.sweep is not None:
        return np.stack([recipe.sample(state, row) for row in z])
    made = recipe.canvases if request.sequence and isinstance(recipe, SamplesInSteps) else recipe.sample
    return np.concatenate([made(state, z[i : i + BATCH]) for i in range(0, len(z), BATCH)])


def recalibrate(recipe: Generative, state: Any, request: SampleRequest, rng: np.random.Generator) -> Any:
    """The state with standing statistics where the request wants them. They are measured over all classes and texts, as
    training saw them, and with the truncation of the request."""
    if request.standing is None or not isinstance(recipe, GaussianLatents):
        return state
    every = request._replace(label=None, text=None, sweep=None)
    running = standing_statistics(
        recipe.G,
        state.G_ema,
        state.G_running,
        lambda rng: latents(recipe, every, BATCH, rng),
        request.standing,
        rng,
    )
    return state._replace(G_running=running)
