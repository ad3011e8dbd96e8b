"""`tinygan recipes`: systems by purpose; one system with all its settings, as --set takes them."""

import re

import pytest

from tinygan.cli import main
from tinygan.cli.commands import parse
from tinygan.cli.train import configured
from tinygan.core.settings import describe
from tinygan.data import open_data
from tinygan.recipes import RECIPES
from tinygan.recipes.spec import PURPOSES
from tinygan.training.loading import recipe_for
from tinygan.training.run import Loop


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def printed(capsys, *words):
    assert main(["recipes", *words]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    return text


def test_systems_are_grouped_by_purpose_with_a_line_on_when_to_take_each(capsys):
    text = printed(capsys)
    lines = [line.strip() for line in text.splitlines()]
    assert [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")] == [
        f"{purpose[:1].upper()}{purpose[1:]}:" for purpose in PURPOSES
    ]
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in RECIPES)
    assert sum(line.startswith("take it: ") for line in lines) == len(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_system_shows_what_it_is_and_every_setting_with_meaning_values_and_default(name, capsys):
    spec, text = RECIPES[name], printed(capsys, name)
    flat = " ".join(text.split())
    said = (spec.about, spec.when, spec.card.paper, spec.card.objective, spec.card.headline, spec.card.link)
    assert all(" ".join(words.split()) in flat for words in said)
    assert ("trains on the CPU and a GPU" in flat) == spec.device
    for row in [*describe(spec.settings()), *describe(Loop())]:
        assert f"\n  {row.key}" in text
        assert " ".join(row.meaning.split()) in flat and (not row.allowed or f"[{row.allowed}]" in flat)


@pytest.mark.parametrize("name", ["dcgan", "lgan-semi", "glo", "gran", "scratchgan"])
def test_what_is_printed_of_a_setting_is_what_set_takes(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    own, loop = printed(capsys, name).split("settings of the training loop")
    settings, of_loop = (re.findall(r"^  (\S+?)(=(?:\[.*?\]|\S+))", text, re.M) for text in (own, loop))
    keys = {key for key, _ in settings}
    hidden = {key for key, _ in of_loop if key in keys}
    assert " ".join(loop.split()).count("is the recipe's setting") == len(hidden)
    settings = [key + value for key, value in [*settings, *of_loop] if (key, value) in settings or key not in keys]
    assert len(settings) > 20
    assert main(["train", name, "--dry-run", *(word for setting in settings for word in ("--set", setting))]) == 0
    given = capsys.readouterr().out
    assert main(["train", name, "--dry-run"]) == 0
    assert capsys.readouterr().out == given


@pytest.mark.parametrize("name", RECIPES)
def test_the_example_of_a_system_is_of_data_that_it_can_train_on(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (line,) = re.findall(r"^  example +tinygan (.*)$", printed(capsys, name), re.M)
    _, args = parse(line.split())
    config = configured(args, {})
    recipe_for(config, open_data(config.data))


def test_an_error_says_what_the_setting_means_and_takes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--set", "ema=2"]) == 2
    err = capsys.readouterr().err
    assert "ema is 2.0; expected a number, at least 0 and below 1 (decay a step of the average of G's weights" in err
