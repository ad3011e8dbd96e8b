"""A battle of two trained GANs that swap opponents: each D classifies the test set and the other's samples (Im et al. 2016).

The ratios and the winner are those of ``metrics/gam.py``. A D classifies each image by itself: its batch norms
use running statistics.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.data import Dataset
from tinygan.errors import UsageError, by
from tinygan.metrics.gam import Battle
from tinygan.objectives.losses import MIDDLE
from tinygan.recipes.protocols import Discriminates
from tinygan.sampling.generated import GeneratedDataset
from tinygan.sampling.request import BATCH


class Player(NamedTuple):
    """A trained GAN by name, and the value of its D between "generated" and "real"."""

    name: str
    recipe: Discriminates
    state: Any
    boundary: float


class Logits(NamedTuple):
    """The logits of D_A and D_B on the test set, of D_A on G_B's samples, and of D_B on G_A's, each (n,)."""

    a_test: Array
    b_test: Array
    a_on_b: Array
    b_on_a: Array


def player(name: str, recipe: Any, state: Any) -> Player:
    """A player of a battle. Raises UsageError where its D does not classify single images as real or generated."""
    if not isinstance(recipe, Discriminates):
        raise UsageError(f"{name}: it has no discriminator of real and generated images: a battle needs two GANs")
    if recipe.conditional_d:
        raise UsageError(f"{name}: its D needs the class or text of an image, which the other's samples lack")
    if recipe.d_boundary is None:
        raise UsageError(
            f"{name}: its D estimates a distance and does not classify images: train with a loss of {', '.join(MIDDLE)}"
        )
    return Player(name, recipe, state, recipe.d_boundary)


def fight(a: Player, b: Player, test: Dataset, n: int, seed: int = 0) -> Logits:
    """The logits of both on the first n samples of ``test``, and on n samples of each other.

    ``seed`` fixes the latents. Raises UsageError for samples of two shapes or n out of range.
    """
    for name, shape in ((b.name, b.recipe.shape), (test.name, test.shape)):
        if shape != a.recipe.shape:
            raise UsageError(
                f"{a.name} has samples {by(a.recipe.shape)} and {name} has {by(shape)}: give two of the same shape"
            )
    if n < 1 or n > (test.size or n):
        raise UsageError(
            f"-n is 1 to {test.size or 'any number'}, the samples of the test split of {test.name}: got {n}"
        )
    of_a, of_b = (GeneratedDataset(p.name, p.recipe, p.state, seed) for p in (a, b))
    return Logits(logits_of(a, test, n), logits_of(b, test, n), logits_of(a, of_b, n), logits_of(b, of_a, n))


def logits_of(p: Player, data: Dataset, n: int) -> Array:
    """D's logits (n,) on the first n samples, above 0 for "real"."""
    found = []
    for i in range(0, n, BATCH):
        x, _ = data.batch(np.arange(i, min(i + BATCH, n)))
        found.append(p.recipe.discriminate(p.state, x))
    return np.concatenate(found) - p.boundary


def verdict(a: Player, b: Player, of: Battle) -> str:
    """The winner in words."""
    if of.winner:
        return f"{(a, b)[of.winner - 1].name} wins: its discriminator makes fewer errors on the other's samples"
    if of.r_sample == 1:
        return "a tie: both discriminators make as many errors on the other's samples"
    return "a tie: the discriminators are not equally good on the test split"
