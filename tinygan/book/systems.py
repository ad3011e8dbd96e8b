"""The page of systems, from their recipes, model cards and settings."""

from __future__ import annotations

from typing import Any

from tinygan.book.commands import cell
from tinygan.core.settings import Row, describe
from tinygan.formats.toml import abbreviated
from tinygan.recipes import RECIPES
from tinygan.training.run import Loop

RESULTS = "../../../bench/results"  # from this folder, in the repository


def systems() -> str:
    """Every system, its paper, objective, result here and settings; then the settings of the loop."""
    parts = [
        "# Systems and their settings",
        "`tinygan recipes NAME` shows the same. Give a setting as `--set KEY=VALUE`, or in a file with `--config FILE.toml`.",
    ]
    for name, entry in RECIPES.items():
        card = entry.card
        lines = [f"* Paper: {card.paper}", f"* Objective: {card.objective}"]
        lines += [f"* Result here: [{card.headline}]({RESULTS}/{card.file})"]
        lines += [f"* Trains on {'the CPU and on a GPU' if entry.device else 'the CPU only'}"]
        parts += [f"## `{name}`", f"{entry.about[:1].upper()}{entry.about[1:]}.", "\n".join(lines)]
        parts += [table(entry.settings())]
        if entry.loop:
            own = ", ".join(f"`{key}={value}`" for key, value in entry.loop.items())
            parts += [f"Its defaults of the loop: {own}."]
    parts += ["## The loop, for every system", table(Loop())]
    return "\n\n".join(parts) + "\n"


def table(settings: Any) -> str:
    """A row for each setting."""
    rows = [
        f"| `{row.key}` | {cell(row.meaning)} | {cell(row.allowed)} | {default(row)} |" for row in describe(settings)
    ]
    return "\n".join(["| setting | meaning | values | default |", "|---|---|---|---|", *rows])


def default(row: Row) -> str:
    """The default as --set takes it; empty for the name of a table."""
    return f"`{abbreviated(row.default)}`" if row.allowed else ""
