"""From settings to a configuration: where a key belongs, and which values it takes."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.optim import Adam
from tinygan.training.config import as_mapping
from tinygan.training.launch import absolute, configure, is_of_recipe, ready


@pytest.mark.parametrize(
    ("key", "of_recipe"),
    [
        ("width", True),
        ("widht", True),
        ("batch", False),
        ("bach", False),
        ("settings", False),
        ("nothing_like_it", True),
    ],
)
def test_a_key_belongs_to_the_recipe_or_to_the_loop(key, of_recipe):
    assert is_of_recipe(key, "dcgan") is of_recipe


def test_a_setting_of_the_recipe_comes_before_one_of_the_loop_that_is_like_it():
    assert not is_of_recipe("steps", "dcgan") and is_of_recipe("steps", "gran")


def test_values_may_be_tables_dataclasses_and_tuples():
    a = configure({}, {"recipe": "dcgan", "adam_G": {"lr": 1e-3}, "steps": None})
    assert a.settings.adam_G.lr == 1e-3 and a.steps == configure({}, {}).steps
    assert configure({}, {"recipe": "dcgan", "adam_G": a.settings.adam_G}) == a
    assert isinstance(a.settings.adam_G, Adam)


def test_changes_are_made_to_a_configuration_and_it_stays_what_it_was():
    base = as_mapping(configure({}, {"recipe": "cgan", "width": 3}))
    before = str(base)
    config = configure(base, {"steps": 7})
    assert (config.recipe, config.steps, config.settings.width) == ("cgan", 7, 3)
    assert str(base) == before


@pytest.mark.parametrize("value", [np.float64(2.5), "x", (1, 2), None])
def test_a_value_of_another_type_is_refused(value):
    if value is None:
        assert configure({}, {"width": value}) == configure({}, {})
    else:
        with pytest.raises(UsageError, match=r"settings\.width is"):
            configure({}, {"width": value})


def test_a_ready_configuration_leaves_nothing_open(tmp_path, monkeypatch):
    config = ready(configure({}, {"backend": "reference"}))
    assert (config.backend, config.precision) == ("reference", "fast")
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    assert absolute("pictures") == str(tmp_path / "pictures") and absolute("strokes") == "strokes"
    with pytest.raises(UsageError, match=r"did you mean strokes\?"):
        absolute("stroks")
