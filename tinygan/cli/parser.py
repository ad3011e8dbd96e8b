"""How options are parsed and shown: argparse, whose errors are one line and whose help is in paragraphs."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tinygan.cli.terminal import paragraphs, width
from tinygan.errors import UsageError, nearest


class Formatter(argparse.HelpFormatter):
    """Paragraphs that fit the terminal; the lines of examples stay as they are."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=width())

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("examples:") else paragraphs(text)


class Help(argparse.Action):
    """--help: the parser's own, and what ``more_help`` adds for the words before it."""

    def __init__(self, option_strings: Sequence[str], dest: str, **arguments: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="show this help and stop")

    def __call__(self, parser: Any, namespace: argparse.Namespace, *_: Any) -> None:
        more = parser.more_help(namespace) if parser.more_help else ""
        print(parser.format_help() + more, end="")
        parser.exit()


class Parser(argparse.ArgumentParser):
    """A command's parser."""

    more_help: Callable[[argparse.Namespace], str] | None = None

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **arguments, "add_help": False})
        self.add_argument("-h", "--help", action=Help)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse; --help counts last, and an unknown option is named, with the nearest one there is."""
        words = sorted(sys.argv[1:] if args is None else args, key=lambda word: word in ("-h", "--help"))
        found, unknown = self.parse_known_args(words, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            options = [option for action in self._actions for option in action.option_strings]
            what = f"unknown option {word}" if word.startswith("-") else f"unexpected {unknown[0]!r}"
            if what.startswith("unexpected") and "--set" in options and "=" in unknown[0]:
                what += f": a setting needs --set {unknown[0]}"
            self.error(f"{what}{nearest(word, options) if word.startswith('-') else ''}")
        return found

    def error(self, message: str) -> NoReturn:
        """One line."""
        self.stop(f"{message}; see {self.prog} --help")

    def stop(self, message: str) -> NoReturn:
        """A mistake in the words of the command."""
        self.exit(UsageError.exit_code, f"tinygan: {message}\n")
