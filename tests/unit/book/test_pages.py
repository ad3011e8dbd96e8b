"""The reference pages say what the code says."""

import json
import re
from pathlib import Path

import pytest

import tinygan
from tinygan import errors, kernels
from tinygan.book.__main__ import REFERENCE, main
from tinygan.book.pages import pages
from tinygan.cli import main as tinygan_command
from tinygan.data import catalogue
from tinygan.recipes import RECIPES
from tinygan.reproduce.papers.stability import DATA, SHORT, SMALL

MADE = pages()
HERE = {entry.name for entry in catalogue() if entry.path}
TEXT_DATA = {"gan-cls": "fashion-mnist"}  # whose captions are made of the names of classes


@pytest.mark.parametrize("name", MADE)
def test_a_page_is_what_the_code_makes(name):
    assert (REFERENCE / name).read_text() == MADE[name], "run python -m tinygan.book"


def test_a_stale_page_is_found_and_written(tmp_path, capsys):
    for name, text in MADE.items():
        (tmp_path / name).write_text(text)
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "layers.md").write_text("other")
    assert main(["--check"], tmp_path) == 1 and "layers.md is out of date" in capsys.readouterr().err
    assert main([], tmp_path) == 0 and main(["--check"], tmp_path) == 0
    assert main(["--chekc"], tmp_path) == 2


def test_every_page_is_listed_and_every_link_leads_to_a_page():
    contents = (REFERENCE / "README.md").read_text()
    assert {path.name for path in REFERENCE.glob("*.md")} == {*re.findall(r"\(([\w.]+\.md)\)", contents), "README.md"}


def test_every_public_name_has_its_entry():
    for name in ("layers", "losses", "penalties", "optim"):
        for public in getattr(tinygan, name).__all__:
            assert f"## `{public}`" in MADE[f"{name}.md"]


# ---------------------------------------------------------------- written by hand


def names_in(page):
    """What stands in backticks in the first column of a page's tables."""
    rows = re.findall(r"^\| (`.*?) \|", (REFERENCE / page).read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_statistic_of_a_system_is_explained(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = TEXT_DATA.get(recipe) or DATA.get(recipe, "strokes")
    if data not in HERE:
        pytest.skip(f"{data} is not here")
    fields = RECIPES[recipe].settings.__dataclass_fields__
    small = [f"{name}={value}" for name, value in (SMALL | SHORT | {"images": 64}).items() if name in fields]
    small += ["judge.width=4"] if "judge" in fields else []
    words = [word for setting in small for word in ("--set", setting)]
    line = ["train", recipe, "--data", data, "--steps", "1", "--batch", "8", "--out", "RUN", *words]
    assert tinygan_command([*line, "--backend", "reference"]) == 0
    (logged,) = map(json.loads, Path("RUN/stats.jsonl").read_text().splitlines())
    unexplained = {re.sub(r"_\d$", "_0", name) for name in logged} - names_in("statistics.md")
    assert not unexplained, f"add to {REFERENCE / 'statistics.md'}: {sorted(unexplained)}"


def test_every_environment_variable_of_the_code_is_explained():
    folders = [Path(tinygan.__file__).parent, *map(Path, kernels.__path__)]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    read = {name for path in files for name in re.findall(r"[\"']+(TINYGAN_[A-Z]+)[\"']", path.read_text())}
    listed = {name for name in names_in("environment.md") if name.startswith("TINYGAN_")}
    assert read <= listed
    assert listed - read == {"TINYGAN_DRAWS", "TINYGAN_FUZZ", "TINYGAN_KILLS"}  # of tests


def test_every_exit_code_is_explained():
    text = (REFERENCE / "environment.md").read_text()
    codes = {error.exit_code for error in vars(errors).values() if hasattr(error, "exit_code")}
    assert codes | {0, 130, 143} == {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}


def test_the_budgets_of_tests_are_those_of_their_settings():
    settings = (Path(__file__).parents[2] / "conftest.py").read_text()
    budgets = re.findall(r'"(TINYGAN_[A-Z]+)": \((\d+), (\d+)\)', settings)
    assert len(budgets) == 3
    for name, few, many in budgets:
        assert re.search(rf"`{name}` .*\| {few}; {many} with", (REFERENCE / "environment.md").read_text())
