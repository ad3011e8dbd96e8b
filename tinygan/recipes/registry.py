"""All systems: one for each file of ``recipes/systems``, which is imported when its system is looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tinygan.errors import UsageError, nearest
from tinygan.recipes import systems
from tinygan.recipes.spec import PURPOSES, RecipeSpec


class Registry(Mapping[str, RecipeSpec]):
    """Systems by name, in alphabetical order."""

    def __getitem__(self, name: str) -> RecipeSpec:
        if name not in names():
            raise KeyError(name)
        spec: RecipeSpec = import_module(f"{systems.__name__}.{names()[name]}").RECIPE
        return spec

    def __contains__(self, name: object) -> bool:  # without an import
        return name in names()

    def __iter__(self) -> Iterator[str]:
        return iter(names())

    def __len__(self) -> int:
        return len(names())


@cache
def names() -> dict[str, str]:
    """The module of each system: "wgan-gp" is in ``wgan_gp``."""
    found = sorted(module.name for module in iter_modules(systems.__path__) if not module.name.startswith("_"))
    return {name.replace("_", "-"): name for name in found}


RECIPES = Registry()


def list_recipes(purpose: str | None = None) -> list[str]:
    """The names of all systems, or of those with one purpose, in alphabetical order.

        tinygan.list_recipes()                 # ["acgan", "began", "cgan", ...]
        tinygan.list_recipes("likelihood")     # ["draw", "flow", "vae"]

    Raises UsageError for an unknown purpose; ``PURPOSES`` in ``tinygan.recipes.spec`` lists them.
    """
    if purpose is not None and purpose not in PURPOSES:
        raise UsageError(f"unknown purpose {purpose!r}{nearest(purpose, PURPOSES)}; they are {', '.join(PURPOSES)}")
    return [name for name in RECIPES if purpose in (None, RECIPES[name].purpose)]


def get_recipe(name: object) -> RecipeSpec:
    """What a system is: its settings, its paper, its purpose.

        spec = tinygan.get_recipe("wgan-gp")
        spec.card.paper                        # "Gulrajani et al. 2017"
        spec.settings(width=16)                # its settings, a dataclass; the others have their defaults

    Raises UsageError for an unknown name; the message names the nearest.
    """
    if not isinstance(name, str) or name not in RECIPES:
        if "=" in str(name):
            raise UsageError(f"{name!r} is no recipe: each setting has its own --set, as --set a=1 --set b=2")
        raise UsageError(f"unknown recipe {name!r}{nearest(str(name), RECIPES)}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name]
