"""Which commands there are. Command NAME is the module tinygan/cli/NAME.py, which holds

ABOUT          what it does, in paragraphs, for `tinygan NAME --help`
EXAMPLES       (command line, what it does) of one or two uses
add_options    adds its options to a parser
run            does it, from the parsed options, and returns the exit code
more_help      (optional) a text below --help, for the options before it

Only the module of the command that is given is imported, so that `tinygan --help` and `tinygan info` are quick.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tinygan import __version__
from tinygan.cli.parser import Parser
from tinygan.cli.terminal import paragraph, table
from tinygan.errors import nearest

GROUPS = {
    "Train": {
        "train": "train a system; without options, on drawn digits in about two minutes",
        "recipes": "list the systems by purpose, or describe one and its settings",
        "data": "list the data sets and where they are, or download one",
    },
    "Make pictures with a trained run": {
        "sample": "generate images",
        "interpolate": "images along a line between two latents",
        "average": "the image of the mean of several latents",
        "arithmetic": "the image of latents a - b + c",
        "geodesic": "the shortest path between two samples",
        "edit": "vary an image along the local coordinates of a localized GAN",
        "translate": "translate images between two domains with a CycleGAN",
    },
    "Measure": {
        "eval": "evaluate images (Frechet distance, KID, precision, recall) or a classifier (accuracy)",
        "battle": "compare two runs: each discriminator classifies the other's samples",
        "reproduce": "repeat a paper's experiments in small and compare each figure with its bound",
    },
    "This installation": {
        "check": "check the derivatives of every layer",
        "info": "show versions, processor, GPU, threads, and the backend in use",
        "completion": "print the completion script of a shell",
        "help": "show this list, or the help of a command",
    },
}
COMMANDS = {name: summary for group in GROUPS.values() for name, summary in group.items()}


class Top(Parser):
    """The command without a command: --help, --version, or a mistake."""

    def format_help(self) -> str:
        """The commands by purpose."""
        column = max(map(len, COMMANDS))
        groups = [f"{title}:\n{table(names.items(), column)}" for title, names in GROUPS.items()]
        parts = [
            "usage: tinygan COMMAND [OPTIONS]",
            paragraph("Generative adversarial networks from scratch: every derivative is written by hand."),
            *groups,
            paragraph(
                "`tinygan help COMMAND` shows what a command does and all its options. `tinygan --version` prints "
                "the version."
            ),
        ]
        return "\n\n".join(parts) + "\n"

    def error(self, message: str) -> NoReturn:
        """One line."""
        self.stop(f"{message}; see tinygan --help")


def top() -> Top:
    """The parser of `tinygan` alone."""
    parser = Top(prog="tinygan")
    parser.add_argument("--version", action="version", version=f"tinygan {__version__}")
    return parser


def module(name: str) -> Any:
    """The module of a command."""
    return importlib.import_module(f"tinygan.cli.{name}")


def describe(parser: Parser, name: str) -> None:
    """Give a parser the description, the options and the examples of a command."""
    command = module(name)
    parser.description = command.ABOUT
    examples = "\n".join(f"  {line}\n      {what}" for line, what in command.EXAMPLES)
    parser.epilog = f"examples:\n{examples}" if examples else None
    command.add_options(parser)
    parser.more_help = getattr(command, "more_help", None)


def parse(words: Sequence[str]) -> tuple[Callable[[argparse.Namespace], int], argparse.Namespace]:
    """The function of the command that the words give, and its options. Exits where they are wrong."""
    if not words:
        top().print_help()
        raise SystemExit(2)
    name, *rest = words
    if name not in COMMANDS:
        if name.startswith("-"):
            top().parse_args(words)
            top().error(f"no command before {name}")
        from tinygan.recipes import RECIPES  # takes longer than the list of commands

        if name in RECIPES:
            top().error(f"{name} is a recipe: tinygan train {name}")
        top().error(f"unknown command {name!r}{nearest(name, COMMANDS)}; expected one of {', '.join(COMMANDS)}")
    parser = Parser(prog=f"tinygan {name}")
    describe(parser, name)
    return module(name).run, parser.parse_args(rest)
