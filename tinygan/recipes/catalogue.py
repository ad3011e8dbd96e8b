"""All systems by purpose, and as Markdown."""

from __future__ import annotations

from tinygan.recipes.registry import RECIPES
from tinygan.recipes.spec import PURPOSES, RecipeSpec


def by_purpose() -> dict[str, list[RecipeSpec]]:
    """The systems of each purpose: the first choice, then the others in the order of their papers' years."""
    specs = sorted(RECIPES.values(), key=lambda spec: spec.order)
    return {purpose: [spec for spec in specs if spec.purpose == purpose] for purpose in PURPOSES}


def markdown(root: str = "") -> str:
    """A table of all systems: recipe, paper, objective, headline result. ``root`` is the way to the repository's top."""
    rows = [
        f"| `{s.name}` | {s.card.paper} | {s.card.objective} | [{s.card.headline}]({root}{s.card.link}) |"
        for specs in by_purpose().values()
        for s in specs
    ]
    return "\n".join(["| recipe | paper | objective | result here |", "|---|---|---|---|", *rows])


def choices() -> str:
    """A table of which system to take: purpose, recipe, when."""
    rows = [f"| {purpose} | `{s.name}` | {s.when} |" for purpose, specs in by_purpose().items() for s in specs]
    return "\n".join(["| for | recipe | take it |", "|---|---|---|", *rows])


def cpu_only() -> list[str]:
    """The systems whose steps do not run on a GPU, in alphabetical order."""
    return [name for name, spec in RECIPES.items() if not spec.device]
