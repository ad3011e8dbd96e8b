"""``tinygan recipes``: all systems, or one and its settings."""

from __future__ import annotations

import argparse
from typing import Any

from tinygan.cli.parser import completes
from tinygan.formats.toml import abbreviated
from tinygan.recipes import get_recipe
from tinygan.recipes.catalogue import listing
from tinygan.training.config import as_mapping
from tinygan.training.run import Loop

ABOUT = """
    List the systems ("recipes") that can be trained, by purpose. With a name: what the system is, its paper and
    objective, what it reached here, whether it trains on a GPU, and all its settings.
"""
EXAMPLES = [
    ("tinygan recipes", "all systems"),
    ("tinygan recipes wgan-gp", "one system and its settings"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    completes(p.add_argument("name", nargs="?", metavar="NAME", help="one system (default: all)"), "recipes")


def run(args: argparse.Namespace) -> int:
    """The list, or one system."""
    if args.name is None:
        print(listing())
        return 0
    entry = get_recipe(args.name)
    card = entry.card
    print(f"{args.name}: {entry.about}\n  {card.objective}\n  {card.headline}: {card.link}")
    if not entry.device:
        print("  trains on the CPU alone")
    print(settings_of(args.name), end="")
    return 0


def settings_of(name: str) -> str:
    """The settings of a system and of the loop. Raises UsageError."""
    entry = get_recipe(name)
    lines = ["  settings (--set KEY=VALUE) and their defaults:", *dotted(as_mapping(entry.settings()))]
    if entry.loop:
        lines += [f"  the loop's own: {' '.join(dotted(dict(entry.loop)))}"]
    lines += ["  the loop (--set KEY=VALUE too) and its defaults:", *dotted(as_mapping(Loop()))]
    return "\n".join(lines) + "\n"


def dotted(mapping: dict[str, Any], prefix: str = "") -> list[str]:
    """KEY=VALUE lines as --set takes them."""
    lines = []
    for key, value in mapping.items():
        lines += (
            dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}={abbreviated(value)}"]
        )
    return lines
