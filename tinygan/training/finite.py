"""Training ends at the first NaN or infinity, with an error that names it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygan.errors import Diverged
from tinygan.recipes import Recipe
from tinygan.training.checkpoint import flatten

DIVERGED = "diverged at step {}: {}; no checkpoint holds it: start again in another --out with a lower learning rate"


def require_finite(step: int, log: dict[str, float], state: Callable[[], Any], recipe: Recipe) -> None:
    """Raise Diverged where a number of the log is not finite; the error names it and the first such array of the new state."""
    wrong = [f"{name} is {value}" for name, value in log.items() if not math.isfinite(value)]
    if wrong:
        broken = not_finite(state(), recipe)
        raise Diverged(DIVERGED.format(step, wrong[0] + (f" (in the new state, first {broken[0]})" if broken else "")))


def require_finite_state(step: int, state: Any, recipe: Recipe) -> None:
    """Raise Diverged where an array of the state is not finite, before a picture or a checkpoint is made of it."""
    broken = not_finite(state, recipe)
    if broken:
        raise Diverged(DIVERGED.format(step, f"{broken[0]} is not finite"))


def not_finite(state: Any, recipe: Recipe) -> list[str]:
    """The names of the arrays of a state that have a NaN or an infinity: first those of the nets, by layer, then the others."""
    leaves = flatten(state)
    nets = {f"{name} {part}": a for name, net in recipe.nets.items() for part, a in net.view(leaves.pop(name)).items()}
    return [name for name, a in (nets | leaves).items() if not np.isfinite(a).all()]
