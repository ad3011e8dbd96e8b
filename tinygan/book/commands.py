"""The page of commands, from the parser."""

from __future__ import annotations

import argparse

from tinygan.cli.parser import parser


def commands() -> str:
    """Every command, what it does, its arguments and options."""
    top = parser()
    (action,) = [a for a in top._actions if isinstance(a, argparse._SubParsersAction)]
    about = {choice.dest: choice.help or "" for choice in action._choices_actions}
    parts = ["# Commands", "`tinygan COMMAND --help` says the same. In brackets stands the default."]
    parts += ["\n".join(["| command | what it does |", "|---|---|", *(f"| `{n}` | {cell(t)} |" for n, t in about.items())])]
    for name, sub in action.choices.items():
        if name in about:
            parts += [f"## `tinygan {name}`", f"{about[name][:1].upper()}{about[name][1:]}.", *options(sub)]
    return "\n\n".join(parts) + "\n"


def options(sub: argparse.ArgumentParser) -> list[str]:
    """The table of one command's arguments; nothing where there are none."""
    rows = []
    for a in sub._actions:
        if isinstance(a, argparse._HelpAction) or a.help == argparse.SUPPRESS:
            continue
        value = a.metavar or (f"{{{','.join(map(str, a.choices))}}}" if a.choices else a.dest.upper())
        value = " ".join(value) if isinstance(value, tuple) else value
        what = ", ".join(a.option_strings) + (f" {value}" if a.nargs != 0 else "") if a.option_strings else value
        rows.append(f"| `{cell(what)}` | {cell(a.help or '')} |")
    return ["\n".join(["| argument | meaning |", "|---|---|", *rows])] if rows else []


def cell(text: str) -> str:
    """Text in a table."""
    return text.replace("%%", "%").replace("|", "\\|")
