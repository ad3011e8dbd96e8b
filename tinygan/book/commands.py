"""The page of commands, from the parsers."""

from __future__ import annotations

import argparse

from tinygan.cli.commands import GROUPS, describe
from tinygan.cli.parser import Help, Parser


def commands() -> str:
    """Every command: what it does, its arguments and options, examples."""
    parts = ["# Commands", "`tinygan help COMMAND` shows the same."]
    for title, group in GROUPS.items():
        rows = [f"| [`{name}`](#tinygan-{name}) | {cell(summary)} |" for name, summary in group.items()]
        parts += [f"**{title}**", "\n".join(["| command | what it does |", "|---|---|", *rows])]
    for name in (name for group in GROUPS.values() for name in group):
        parser = Parser(prog=f"tinygan {name}")
        describe(parser, name)
        about = [" ".join(paragraph.split()) for paragraph in (parser.description or "").strip().split("\n\n")]
        parts += [f"## `tinygan {name}`", *about, *options(parser)]
        if parser.epilog:
            parts += [f"```text\n{parser.epilog}\n```"]
    return "\n\n".join(parts) + "\n"


def options(parser: argparse.ArgumentParser) -> list[str]:
    """The table of one command's arguments; nothing where there are none."""
    rows = [f"| `{cell(form(a))}` | {cell(a.help or '')} |" for a in parser._actions if not isinstance(a, Help)]
    return ["\n".join(["| argument | meaning |", "|---|---|", *rows])] if rows else []


def form(action: argparse.Action) -> str:
    """--data NAME, or RUN, or --resume."""
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    value = action.metavar or choices
    value = " ".join(value) if isinstance(value, tuple) else value
    if not action.option_strings:
        return value
    return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {value}")


def cell(text: str) -> str:
    """Text in a table."""
    return " ".join(text.replace("%%", "%").replace("|", "\\|").split())
