"""The README runs: its Python prints what it says, and its commands are ones that the command knows."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tinygan.cli import parser

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON = [(code, BLOCKS[i + 1]) for i, (kind, code) in enumerate(BLOCKS) if kind == "python"]
COMMANDS = [line.split("#")[0].strip() for kind, code in BLOCKS if kind == "sh" for line in code.splitlines()]
TINYGAN = [part.strip() for line in COMMANDS for part in line.split("&&") if part.strip().startswith("tinygan")]


@pytest.mark.parametrize("code", [code for code, _ in PYTHON], ids=range(len(PYTHON)))
def test_a_python_block_prints_the_text_block_after_it(code):
    kind, expected = dict(PYTHON)[code]
    assert kind == "text", "each python block is followed by what it prints"
    printed = subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True)
    assert printed == expected


@pytest.mark.parametrize("line", TINYGAN)
def test_a_command_of_the_readme_is_understood(line):
    assert callable(parser().parse_args(shlex.split(line)[1:]).run)


def test_every_block_is_of_a_kind_that_is_tested():
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "text"}
    assert len(TINYGAN) >= 8


@pytest.mark.parametrize(
    "command", ["train --steps 2 --batch 4 --set width=2", "check --draws 1", "info", "data", "recipes"]
)
def test_the_commands_run_outside_the_checkout(command, tmp_path):
    subprocess.check_output([sys.executable, "-W", "error", "-m", "tinygan", *command.split()], cwd=tmp_path)
