"""The page of systems, from their recipes, model cards and settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygan.recipes import RECIPES
from tinygan.recipes.cards import CARDS
from tinygan.training.config import as_mapping
from tinygan.training.run import Loop

RESULTS = "../../../bench/results"  # from this folder, in the repository


def systems() -> str:
    """Every system, its paper, objective, result here and settings; then the settings of the loop."""
    parts = [
        "# Systems and their settings",
        "`tinygan recipes NAME` shows the same. Give a setting as `--set KEY=VALUE`, or in a file with `--config FILE.toml`.",
    ]
    for name, entry in RECIPES.items():
        card = CARDS[name]
        lines = [f"* Paper: {card.paper}", f"* Objective: {card.objective}"]
        lines += [f"* Result here: [{card.shown}]({RESULTS}/{card.file})"]
        lines += [f"* Trains on {'the CPU and on a GPU' if entry.device else 'the CPU only'}"]
        parts += [f"## `{name}`", f"{entry.about[:1].upper()}{entry.about[1:]}.", "\n".join(lines)]
        parts += [table(as_mapping(entry.settings()))]
        if entry.loop:
            own = ", ".join(f"`{key}={value}`" for key, value in entry.loop.items())
            parts += [f"Its defaults of the loop: {own}."]
    parts += ["## The loop, for every system", table(as_mapping(Loop()))]
    return "\n\n".join(parts) + "\n"


def table(settings: dict[str, Any]) -> str:
    """Keys and defaults."""
    rows = [f"| `{key}` | `{value}` |" for key, value in flat(settings)]
    return "\n".join(["| setting | default |", "|---|---|", *rows])


def flat(settings: dict[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
    """(dotted key, value)."""
    for key, value in settings.items():
        yield from flat(value, f"{path}{key}.") if isinstance(value, dict) else [(f"{path}{key}", value)]
