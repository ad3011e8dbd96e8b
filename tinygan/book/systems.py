"""The page of systems, from their specifications and settings."""

from __future__ import annotations

from typing import Any

from tinygan.book.commands import cell
from tinygan.core.settings import Row, describe
from tinygan.formats.toml import abbreviated
from tinygan.recipes.catalogue import by_purpose, choices, cpu_only
from tinygan.recipes.spec import RecipeSpec
from tinygan.training.run import Loop

REPOSITORY = "../../.."  # from the folder of the pages


def systems() -> str:
    """Every system by purpose: when to take it, paper, objective, result here, settings; then the settings of the loop."""
    parts = [
        "# Systems and their settings",
        "`tinygan recipes NAME` shows the same. Give a setting as `--set KEY=VALUE`, or in a file with `--config FILE.toml`.",
        choices(),
        f"{', '.join(f'`{name}`' for name in cpu_only())} train on the CPU only. All others train on a GPU too.",
    ]
    for purpose, specs in by_purpose().items():
        parts += [f"## {purpose[:1].upper()}{purpose[1:]}"]
        for spec in specs:
            parts += section(spec)
    parts += ["## The loop, for every system", table(Loop())]
    return "\n\n".join(parts) + "\n"


def section(spec: RecipeSpec) -> list[str]:
    """One system."""
    lines = [f"* When to take it: {spec.when}", f"* Paper: {spec.card.paper}", f"* Objective: {spec.card.objective}"]
    lines += [f"* Result here: [{spec.card.headline}]({REPOSITORY}/{spec.card.link})"]
    lines += [f"* Trains on {'the CPU and on a GPU' if spec.device else 'the CPU only'}"]
    parts = [
        f"### `{spec.name}`",
        f"{spec.about[:1].upper()}{spec.about[1:]}.",
        "\n".join(lines),
        table(spec.settings()),
    ]
    own = ", ".join(f"`{key}={value}`" for key, value in spec.loop.items())
    return [*parts, f"Its defaults of the loop: {own}."] if own else parts


def table(settings: Any) -> str:
    """A row for each setting."""
    rows = [
        f"| `{row.key}` | {cell(row.meaning)} | {cell(row.allowed)} | {default(row)} |" for row in describe(settings)
    ]
    return "\n".join(["| setting | meaning | values | default |", "|---|---|---|---|", *rows])


def default(row: Row) -> str:
    """The default as --set takes it; empty for the name of a table."""
    return f"`{abbreviated(row.default)}`" if row.allowed else ""
