"""The README runs: its Python prints what it says, and its commands run in their order."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tinygan.data import catalogue

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON = [(code, BLOCKS[i + 1]) for i, (kind, code) in enumerate(BLOCKS) if kind == "python"]
COMMANDS = [line.split("#")[0].strip() for kind, code in BLOCKS if kind == "sh" for line in code.splitlines()]
TINYGAN = [part.strip() for line in COMMANDS for part in line.split("&&") if part.strip().startswith("tinygan")]


@pytest.mark.parametrize("code", [code for code, _ in PYTHON], ids=range(len(PYTHON)))
def test_a_python_block_prints_the_text_block_after_it(code, tmp_path):
    kind, expected = dict(PYTHON)[code]
    assert kind == "text", "each python block is followed by what it prints"
    printed = subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True, cwd=tmp_path)
    assert printed == expected


def test_every_block_is_of_a_kind_that_is_tested():
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "text"}
    assert len(TINYGAN) >= 8


def test_the_commands_run_one_after_another_outside_the_checkout(tmp_path):
    """As they stand, but for fewer steps, and for drawn data where Fashion-MNIST is not on this machine."""
    here = any(entry.name == "fashion-mnist" and entry.path for entry in catalogue())
    fewer = {
        "2000": "2",
        "3000": "2",
        "4000": "3",
        "6000": "2",
        "200": "1",
        "fashion-mnist": "fashion-mnist" if here else "strokes",
    }
    short = {
        "train": ["--steps", "1"],
        "check": ["--draws", "1"],
        "eval RUN": ["-n", "20"],
        "battle G RUN": ["-n", "20"],
    }
    for line in TINYGAN:
        words = [fewer.get(word, word) for word in shlex.split(line)[1:]]
        words += short.get(" ".join(words), [])
        subprocess.check_output([sys.executable, "-W", "error", "-m", "tinygan", *words], cwd=tmp_path)
    assert (tmp_path / "RUN/samples/sample-n64-seed0.png").is_file()
    assert (tmp_path / "runs/dcgan-strokes/samples/000001.png").is_file()
