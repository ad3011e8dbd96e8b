"""What can be asked of a generator: a class, a text, a sweep, latents without tails, statistics of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array, modules
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm
from tinygan.recipes import RECIPES, Generative, InSteps, OfClass, OfCodes, OfText
from tinygan.recipes.shared.game import Game
from tinygan.sampling.standing import standing
from tinygan.sampling.truncation import require, truncated

BATCH = 64  # samples made at once


class Asked(NamedTuple):
    """Samples of one class or of one text, z without what is beyond ±``truncation``, statistics of ``standing`` batches; or the
    code ``sweep`` from end to end, in rows and columns. Weights are the mean of the last ``average`` checkpoints. As a
    ``sequence`` a sample is a row of what there is of it after each of its steps."""

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


ANY = Asked()


def refuse(recipe: Generative, name: str, asked: Asked) -> None:
    """UsageError where the system ``name`` cannot do what is asked."""
    if asked.label is not None and asked.text is not None:
        raise UsageError("--label asks for a class and --text for a text: give one of them")
    if asked.label is not None and not isinstance(recipe, OfClass):
        raise UsageError(f"{name} has no classes to ask for: --label is of {systems('of_class')}")
    if asked.text is not None and not isinstance(recipe, OfText):
        raise UsageError(f"{name} reads no text: --text is of {systems('of_text')}")
    if asked.sweep is not None and not isinstance(recipe, OfCodes):
        raise UsageError(f"{name} has no codes to sweep: --sweep is of {systems('swept')}")
    if asked.sequence and not isinstance(recipe, InSteps):
        raise UsageError(f"{name} makes a sample at once: --sequence is of {systems('canvases')}")
    if asked.sequence and asked.sweep is not None:
        raise UsageError("--sweep and --sequence make a grid each: give one of them")
    if asked.sweep is not None and asked.truncation is not None:
        raise UsageError("--sweep holds z along each row: drop --truncation")
    for option, value in (("--truncation", asked.truncation), ("--standing", asked.standing)):
        if value is not None and not isinstance(recipe, Game):
            raise UsageError(f"{name} is no game of one G and one D: {option} is of {systems('groups_D')}")
    if asked.truncation is not None:
        require(asked.truncation)
    if asked.standing is not None:
        if asked.standing < 1:
            raise UsageError(f"--standing is a number of batches, at least 1: got {asked.standing}")
        if not any(isinstance(f, BatchNorm) for f in modules(recipe.nets["G"].f)):
            raise UsageError("the run's generator has no batch norm, so no statistics: drop --standing")


def systems(method: str) -> str:
    """The names of the recipes that have a method."""
    return ", ".join(name for name, entry in RECIPES.items() if hasattr(entry.make, method))


def latents(recipe: Generative, asked: Asked, n: int, rng: np.random.Generator) -> Array:
    """What n samples come from; of a sweep in rows and columns, of its own number."""
    if asked.sweep is not None and isinstance(recipe, OfCodes):
        return recipe.swept(asked.sweep, rng)
    if asked.label is not None and isinstance(recipe, OfClass):
        x = recipe.of_class(asked.label, n, rng)
    elif asked.text is not None and isinstance(recipe, OfText):
        x = recipe.of_text(asked.text, n, rng)
    else:
        x = recipe.latents(n, rng)
    if asked.truncation is not None and isinstance(recipe, Game):
        z = truncated(rng, (n, recipe.settings.latent), asked.truncation)
        x = np.concatenate([x[:, : recipe.given], z], axis=1)
    return x


def images(recipe: Generative, state: Any, asked: Asked, z: Array) -> Array:
    """The samples of latents; of a sweep or a sequence in rows and columns."""
    if asked.sweep is not None:
        return np.stack([recipe.sample(state, row) for row in z])
    made = recipe.canvases if asked.sequence and isinstance(recipe, InSteps) else recipe.sample
    return np.concatenate([made(state, z[i : i + BATCH]) for i in range(0, len(z), BATCH)])


def settled(recipe: Generative, state: Any, asked: Asked, rng: np.random.Generator) -> Any:
    """The state with the statistics asked for, of samples of every class and text: those that training saw, too."""
    if asked.standing is None or not isinstance(recipe, Game):
        return state
    every = asked._replace(label=None, text=None, sweep=None)
    running = standing(
        recipe.G,
        state.G_ema,
        state.G_running,
        lambda rng: latents(recipe, every, BATCH, rng),
        asked.standing,
        rng,
    )
    return state._replace(G_running=running)
