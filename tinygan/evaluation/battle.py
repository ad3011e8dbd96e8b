"""A battle of two trained GANs, who swap opponents: each D judges the test set and the other's samples (Im et al. 2016).

The ratios and the winner are those of ``metrics/gam.py``. A D judges each image by itself: its batch norms have
running statistics.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.data import Dataset
from tinygan.errors import UsageError, by
from tinygan.metrics.gam import Battle
from tinygan.objectives.losses import MIDDLE
from tinygan.recipes.shared.adversarial import AdversarialRecipe
from tinygan.recipes.systems.fgan import FGAN
from tinygan.sampling.generated import GeneratedDataset
from tinygan.sampling.request import BATCH


class Player(NamedTuple):
    """A trained game by name."""

    name: str
    recipe: AdversarialRecipe
    state: Any


class Logits(NamedTuple):
    """Those of D_A and D_B on the test set, of D_A on G_B's samples and of D_B on G_A's, each (n,)."""

    a_test: Array
    b_test: Array
    a_on_b: Array
    b_on_a: Array


def player(name: str, recipe: Any, state: Any) -> Player:
    """One for a battle. UsageError where its D tells no real image from a generated one by itself."""
    if not isinstance(recipe, AdversarialRecipe):
        raise UsageError(
            f"{name}: a battle is of a G and a D that tells real from generated; this system has no such two"
        )
    if recipe.conditional_d:
        raise UsageError(f"{name}: its D judges an image by its class or text, which the other's samples lack")
    if isinstance(recipe, FGAN) or recipe.settings.loss not in MIDDLE:
        raise UsageError(
            f"{name}: its D measures a distance and tells no image from another: the loss is to be one of {', '.join(MIDDLE)}"
        )
    return Player(name, recipe, state)


def fight(a: Player, b: Player, test: Dataset, n: int, seed: int = 0) -> Logits:
    """The logits of both on the first n samples of ``test``, and on n samples of each other. Raises UsageError."""
    for name, shape in ((b.name, b.recipe.shape), (test.name, test.shape)):
        if shape != a.recipe.shape:
            raise UsageError(
                f"{a.name} is of samples {by(a.recipe.shape)}, and {name} of {by(shape)}: give two of one shape"
            )
    if n < 1 or n > (test.size or n):
        raise UsageError(f"-n is 1 to the {test.size or 'endless'} samples of {test.name}'s test split: got {n}")
    of_a, of_b = (GeneratedDataset(p.name, p.recipe, p.state, seed) for p in (a, b))
    return Logits(judged(a, test, n), judged(b, test, n), judged(a, of_b, n), judged(b, of_a, n))


def judged(p: Player, data: Dataset, n: int) -> Array:
    """D's logits (n,) of the first n samples, above 0 for "real"."""
    D, found = p.recipe.D.eval(p.state.D_running), []
    for i in range(0, n, BATCH):
        x, _ = data.batch(np.arange(i, min(i + BATCH, n)))
        found.append(D.forward(p.state.D, p.recipe.d_view(x, np.zeros((len(x), 0), x.dtype)))[0][:, 0])
    return np.concatenate(found) - MIDDLE[p.recipe.settings.loss]


def verdict(a: Player, b: Player, of: Battle) -> str:
    """The winner in words."""
    if of.winner:
        return f"{(a, b)[of.winner - 1].name} wins: its discriminator is fooled less by the other's samples"
    return "a tie: " + (
        "both are fooled alike" if of.r_sample == 1 else "the discriminators are not equally good on the test split"
    )
