"""The systems of the literature: one file each in ``systems``, which reads like the paper's algorithm box.

    tinygan.list_recipes()                      # ["acgan", "began", ...]
    tinygan.get_recipe("r1").settings           # a dataclass: every setting with its default

A recipe is two functions: ``init`` makes the first state, and ``step`` maps (state, batch, rng) ↦ (state, statistics).
"""

from __future__ import annotations

from tinygan.recipes.protocols import (
    Classifies,
    Generative,
    LatentTable,
    Recipe,
    SamplesByClass,
    SamplesByCode,
    SamplesByText,
    SamplesInSteps,
    SemiSupervised,
)
from tinygan.recipes.registry import RECIPES, get_recipe, list_recipes
from tinygan.recipes.spec import Card, RecipeSpec

__all__ = [
    "RECIPES",
    "Card",
    "Classifies",
    "Generative",
    "LatentTable",
    "Recipe",
    "RecipeSpec",
    "SamplesByClass",
    "SamplesByCode",
    "SamplesByText",
    "SamplesInSteps",
    "SemiSupervised",
    "get_recipe",
    "list_recipes",
]
