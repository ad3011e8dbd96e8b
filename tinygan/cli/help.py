"""``tinygan help``: the commands, or one command and its options."""

from __future__ import annotations

import argparse

from tinygan.cli.commands import parse
from tinygan.cli.options import completes

ABOUT = "Show the list of commands, or what one command does and all its options."
EXAMPLES = [
    ("tinygan help sample", "the same as tinygan sample --help"),
    ("tinygan help train wgan-gp", "the options of train, and all settings of wgan-gp"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    completes(
        p.add_argument("words", nargs="*", metavar="COMMAND", help="a command (default: the list of commands)"),
        "commands",
    )


def run(args: argparse.Namespace) -> int:
    """Print it and exit."""
    run, args = parse([*args.words, "--help"])
    return run(args)
