"""``tinygan completion``: what a shell needs to complete commands, options, recipes and data sets."""

from __future__ import annotations

import argparse
from typing import Any

from tinygan.cli.commands import COMMANDS, describe, top
from tinygan.cli.parser import Parser
from tinygan.data import NAMES
from tinygan.errors import UsageError
from tinygan.recipes import RECIPES
from tinygan.reproduce import SYSTEMS

SHELLS = ("bash", "zsh")
ABOUT = """
    Print a script that teaches a shell to complete commands, options, recipes, data sets and files with the tab key.
    It needs the library shtab: pip install "tinygan[completion]".
"""
EXAMPLES = [
    ('eval "$(tinygan completion bash)"', "in ~/.bashrc"),
    ('eval "$(tinygan completion zsh)"', "in ~/.zshrc, after compinit"),
]
BASH = f"""
_tinygan_data() {{
  compgen -W "{" ".join(NAMES)}" -- "$1"
  compgen -f -- "$1"
}}
"""
ZSH = f"""
_tinygan_data() {{
  _alternative 'names:data set:({" ".join(NAMES)})' 'files:file:_files'
}}
"""


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    p.add_argument("shell", choices=SHELLS, help="the shell")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab
    except ImportError:
        raise UsageError('completion needs the library shtab: pip install "tinygan[completion]"') from None
    parser = top()
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    kinds: dict[Any, Any] = {
        "files": shtab.FILE,
        "folders": shtab.DIRECTORY,
        "data": {"bash": "_tinygan_data", "zsh": "_tinygan_data"},
    }
    names = {"recipes": tuple(RECIPES), "names": NAMES, "systems": tuple(SYSTEMS), "commands": tuple(COMMANDS)}
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        describe(command, name)
        action: Any
        for action in command._actions:
            kind = getattr(action, "completes", None)
            if kind in names:
                action.choices = names[kind]
            elif kind:
                action.complete = kinds[kind]
    print(shtab.complete(parser, shell=args.shell, preamble={"bash": BASH, "zsh": ZSH}[args.shell]))
    return 0
