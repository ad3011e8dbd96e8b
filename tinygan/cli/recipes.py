"""``tinygan recipes``: all systems by purpose, or one and its settings."""

from __future__ import annotations

import argparse

from tinygan.cli.options import completes
from tinygan.cli.terminal import paragraph
from tinygan.core.settings import Row, describe
from tinygan.formats.toml import abbreviated
from tinygan.recipes import get_recipe
from tinygan.recipes.catalogue import by_purpose
from tinygan.training.run import Loop

KEY = 26  # columns of a setting and its default, beside which the meaning stands
OPTIONS = "steps", "batch", "seed"  # options of tinygan train, too
NAME = 12  # columns of a recipe's name
ABOUT = """
    List the systems ("recipes") that can be trained, by purpose, with a line on when to take each. With a name: what
    the system is, its paper and objective, what it reached here, whether it trains on a GPU, and all its settings.
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
    print(every_system() if args.name is None else one_system(args.name))
    return 0


def every_system() -> str:
    """A heading for each purpose; below it each system, what it is and when to take it."""
    groups = []
    for purpose, specs in by_purpose().items():
        lines = [f"{purpose[:1].upper()}{purpose[1:]}:"]
        for spec in specs:
            lines += [paragraph(spec.about, " " * (NAME + 2), f"  {spec.name:{NAME}s}")]
            lines += [paragraph(f"take it: {spec.when}", " " * (NAME + 4))]
        groups.append("\n".join(lines))
    return "\n\n".join([*groups, "`tinygan recipes NAME` describes one and its settings."])


def one_system(name: str) -> str:
    """What a system is, its paper, objective, result, an example, and all settings. Raises UsageError."""
    spec = get_recipe(name)
    where = "the CPU and a GPU" if spec.device else "the CPU only"
    facts = {
        "take it": spec.when,
        "paper": spec.card.paper,
        "objective": spec.card.objective,
        "result here": f"{spec.card.headline} ({spec.card.link})",
        "trains on": where,
        "example": f"tinygan train {name} --data {spec.loop.get('data', Loop.data)} --out runs/mine",
    }
    lines = [paragraph(f"{name}: {spec.about}"), ""]
    lines += [paragraph(text, " " * 15, f"  {fact:11s}  ") for fact, text in facts.items()]
    return "\n".join([*lines, "", settings_of(name)])


def settings_of(name: str) -> str:
    """The settings of a system and of the loop: default, meaning, allowed values. Raises UsageError."""
    spec = get_recipe(name)
    loop, own = {**spec.loop, "recipe": name}, {row.key for row in describe(spec.settings())}
    return "\n".join(
        [
            f"settings of {name} (--set KEY=VALUE) and their defaults:",
            *map(setting_line, describe(spec.settings())),
            "",
            "settings of the training loop (--set KEY=VALUE too) and their defaults:",
            *(
                setting_line(row._replace(default=loop.get(row.key, row.default)), row.key in own)
                for row in describe(Loop())
            ),
        ]
    )


def setting_line(row: Row, hidden: bool = False) -> str:
    """KEY=DEFAULT, as --set takes it, and beside it what the setting means and the values that it takes.

    Where the recipe has a setting of the same name, --set means that one, and this one is ``hidden``.
    """
    key = row.key if row.default is None else f"{row.key}={abbreviated(row.default)}"
    text = f"{row.meaning} [{row.allowed}]" if row.allowed else f"{row.meaning}:"
    if hidden:
        text += f"; --set {row.key} is the recipe's setting: give this one in a file, with --config"
        text += f", or as --{row.key}" if row.key in OPTIONS else ""
    beside = " " * (KEY + 4)
    if len(key) > KEY:
        return f"  {key}\n{paragraph(text, beside)}"
    return paragraph(text, beside, f"  {key:{KEY}s}  ")
