"""The README and the page of examples run: their Python prints what they say, and their commands run in their order."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygan.book.__main__ import REFERENCE
from tinygan.cli import main
from tinygan.data import catalogue
from tinygan.formats.png import write_png
from tinygan.recipes import RECIPES

ROOT = Path(__file__).parents[2]
README, TOUR = (ROOT / "README.md").read_text(), (REFERENCE / "tour.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(README)
PYTHON = [(code, BLOCKS[i + 1]) for i, (kind, code) in enumerate(BLOCKS) if kind == "python"]
CHECKOUT = pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="pictures and results are of a checkout")
FEWER = {"2000": "2", "3000": "2", "4000": "3", "6000": "3", "200": "1"}  # steps; draws of a check
SHORT = {  # options that make a command short
    "train": ["--steps", "1", "--set", "width=8"],
    "train --data pictures/ --out RUN": ["--steps", "2"],
    "train classifier --data pictures/ --out FEATURES": ["--steps", "2"],
    "train pcgan --out C": ["--steps", "1", "--set", "width_G=8", "--set", "width_D=8"],
    "train r1 --set gamma=1 --set adam_D.lr=1e-4 --out R": ["--steps", "1"],
    "check": ["--draws", "1"],
    "eval RUN": ["-n", "20"],
    "eval runs/dcgan-strokes": ["-n", "20"],
    "eval faces --features FEATURES": ["-n", "20"],
    "battle G RUN": ["-n", "20"],
    "battle runs/dcgan-strokes R": ["-n", "20"],
}


def commands(text, inline):
    """The tinygan commands of a page in their order: of its blocks, and with ``inline`` of its tables and sentences."""
    found = []
    for block, code in re.findall(r"^```(\w+\n.*?)^```|`(tinygan [^`]+)`", text, re.MULTILINE | re.DOTALL):
        if block.startswith("sh\n"):
            lines = [line.split("#")[0] for line in block.splitlines()[1:]]
            found += [part.strip() for line in lines for part in line.split("&&")]
        elif code and inline:
            found.append(code)
    return [line for line in found if line.startswith("tinygan ")]


def run(lines):
    """Run the commands as they stand, but for fewer steps, and for drawn data where Fashion-MNIST is not on this machine."""
    here = any(entry.name == "fashion-mnist" and entry.path for entry in catalogue())
    fewer = FEWER | {"fashion-mnist": "fashion-mnist" if here else "strokes"}
    for line in lines:
        words = line.split(maxsplit=1)[1]
        try:
            code = main([fewer.get(word, word) for word in shlex.split(words)] + SHORT.get(words, []))
        except SystemExit as stopped:  # tinygan help
            code = stopped.code
        assert code in (0, None), line


@pytest.mark.parametrize("code", [code for code, _ in PYTHON], ids=range(len(PYTHON)))
def test_a_python_block_prints_the_text_block_after_it(code, tmp_path):
    kind, expected = dict(PYTHON)[code]
    assert kind == "text", "each python block is followed by what it prints"
    printed = subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True, cwd=tmp_path)
    assert printed == expected


def test_the_readme_is_short_and_every_block_is_of_a_kind_that_is_tested():
    assert len(README.splitlines()) <= 160
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "text"}
    assert len(commands(README, inline=True)) >= 15 and len(commands(TOUR, inline=False)) >= 25


def test_the_commands_of_the_readme_run_one_after_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for i in range(132):  # a batch of the classifier, and some
        folder = tmp_path / "pictures" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_png(folder / f"{i:03d}.png", rng.integers(0, 256, (32, 32, 3), np.uint8))
    run(commands(README, inline=True))
    assert (tmp_path / "runs/dcgan-strokes/samples/000001.png").is_file()
    assert (tmp_path / "faces/samples/sample-n64-seed0.png").is_file()


@pytest.mark.slow
@pytest.mark.slow
def test_the_examples_run_one_after_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(commands(TOUR, inline=False))
    assert (tmp_path / "RUN/samples/sample-n64-seed0.png").is_file()


def test_the_table_of_systems_names_recipes():
    table = README.split("## Which system to take")[1].split("\n## ")[0]
    named = re.findall(r"`([\w-]+)`", " ".join(re.findall(r"^\|[^|]*\|([^|]*)\|", table, re.MULTILINE)))
    assert len(named) >= 10 and set(named) <= RECIPES.keys()


@CHECKOUT
def test_every_file_that_the_readme_links_is_there():
    links = re.findall(r"\]\(([^)#]+)[^)]*\)|src=\"([^\"]+)\"", README)
    assert len(links) >= 10
    assert not [a or b for a, b in links if not (ROOT / (a or b)).is_file()]


@CHECKOUT
def test_the_figures_of_the_readme_are_those_of_the_results():
    """Each is the headline figure of a system's card, rounded as in the words; ``times`` makes a share a percentage."""
    figures = {
        "wgan-gp": (r"`wgan-gp` makes (\d+) of 1,000 modes", 1),
        "pcgan": (r"requested class in (\d+) % of MNIST digits", 100),
        "ssgan": (r"Frechet distance (0\.\d\d) times", 1),
        "gan-cls": (r"(\d+) % of Fashion-MNIST samples have the class", 1),
        "infogan": (r"find (\d+) % of the classes of drawn digits", 1),
        "sgan": (r"(\d\.\d) % error from 10 labels a class", 1),
        "cyclegan": (r"(0\.\d\d) of the error of the identity map", 1),
        "scratchgan": (r"(\d+) % of its strings are words", 1),
    }
    for system, (words, times) in figures.items():
        (figure,) = re.findall(words, README)
        card = RECIPES[system].card
        claims = json.loads((ROOT / card.link).read_text())[card.experiment]
        (claim,) = [claim for claim in claims if claim["what"].startswith(card.claim)]
        assert float(figure) == round(times * claim["value"], len(figure.partition(".")[2])), words
    page = (ROOT / "bench/results/README.md").read_text()
    ours, theirs = re.findall(r"DCGAN-32 takes (\d+) ms, and (\d+) ms", README.replace("\n", " "))[0]
    assert f"| `dcgan32_step` | {ours} ms | {theirs} ms" in page
    missed, of = re.findall(r"(\d+) of (\d+) bounds", README)[0]
    assert f"{int(of) - int(missed)} of {of} bounds are reached" in page
