"""The systems: one file each, which reads like the paper's algorithm box."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from tinygan.errors import UsageError, nearest
from tinygan.layer import Array
from tinygan.net import Net
from tinygan.recipes import dcgan


class Recipe(Protocol):
    """One system: its first state, one training step, and how it is sampled.

    A state is a NamedTuple of arrays, numbers and further tuples, and holds everything that a step changes.
    """

    nets: dict[str, Net]  # by the state's field that holds their θ, in the order of their updates
    batches: int  # that one step takes from the data

    def init(self, rng: np.random.Generator) -> Any: ...
    def step(self, state: Any, batch: Array, rng: np.random.Generator) -> tuple[Any, dict[str, float]]: ...
    def latents(self, n: int, rng: np.random.Generator) -> Array: ...
    def sample(self, state: Any, z: Array) -> Array: ...


class Entry(NamedTuple):
    """A recipe's settings (a dataclass), its class (made from settings and the shape of a sample), and one line on it."""

    settings: Any
    make: Any
    about: str


RECIPES = {
    "dcgan": Entry(dcgan.Settings, dcgan.DCGAN, "convolutional GAN for images (Radford et al. 2016), losses by choice"),
}


def find(name: object) -> Entry:
    """The recipe called ``name``; UsageError names the nearest."""
    if not isinstance(name, str) or name not in RECIPES:
        if "=" in str(name):
            raise UsageError(f"{name!r} is no recipe: each setting has its own --set, as --set a=1 --set b=2")
        raise UsageError(f"unknown recipe {name!r}{nearest(str(name), RECIPES)}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name]
