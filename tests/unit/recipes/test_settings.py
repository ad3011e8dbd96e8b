"""Every setting of every system and of the training loop says what it means and which values it takes, and refuses others."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from types import NoneType
from typing import Any, get_args, get_origin

import pytest

from tinygan.core.settings import describe, expected, settings_of
from tinygan.errors import UsageError
from tinygan.recipes import RECIPES
from tinygan.training.run import Loop

ALL = {"the loop": Loop} | {name: spec.settings for name, spec in RECIPES.items()}
CHECKED_ELSEWHERE = {
    "recipe",
    "data",
    "alpha",
    "pi",
    "dark",
    "bright",
}  # what these allow depends on more than the setting


def leaves(settings: Any, path: str = "") -> Iterator[tuple[str, Any, str]]:
    """Dotted key, owner and name of each value."""
    for field in fields(settings):
        value, key = getattr(settings, field.name), f"{path}{field.name}"
        if is_dataclass(value):
            yield from leaves(value, f"{key}.")
        else:
            yield key, settings, field.name


def outside(hint: Any, meaning: Any, value: Any) -> list[Any]:
    """Values that a setting does not allow."""
    if NoneType in get_args(hint):
        hint = get_args(hint)[0]
    if hint is bool:
        return []
    if hint not in (int, float) and get_origin(hint) is not tuple:
        return ["no such word"]
    wrong = [float("nan")] if hint is not int else []
    wrong += [meaning.least - 1] if meaning.least is not None else []
    wrong += [meaning.most + 1] if meaning.most is not None else []
    wrong += [meaning.below] if meaning.below is not None else []
    return [(value[0], w) for w in wrong] if isinstance(value, tuple) else wrong


@pytest.mark.parametrize("name", ALL)
def test_every_setting_has_a_meaning_and_its_values_in_words(name):
    rows = describe(ALL[name])
    assert {key for key, *_ in leaves(ALL[name]())} == {row.key for row in rows if row.allowed}
    for row in rows:
        assert row.meaning and row.meaning[-1] != "." and "  " not in row.meaning, row.key
        assert row.allowed or row.default is None, row.key


@pytest.mark.parametrize("name", ALL)
def test_a_value_outside_is_refused_with_the_values_that_are_allowed(name):
    refused = 0
    for key, owner, field in leaves(ALL[name]()):
        hint, meaning = settings_of(type(owner))[field]
        if field in CHECKED_ELSEWHERE:
            continue
        for value in outside(hint, meaning, getattr(owner, field)):
            with pytest.raises(UsageError) as error:
                replace(owner, **{field: value})
            assert expected(hint, meaning) in str(error.value), key
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("name", RECIPES)
def test_a_setting_that_several_systems_have_means_the_same_in_its_parents(name):
    """What a system changes of its parent's setting is the default, so that its meaning stands once."""
    settings = RECIPES[name].settings
    for parent in settings.__mro__[1:]:
        if is_dataclass(parent):
            for field, (hint, meaning) in settings_of(parent).items():
                own, of_child = settings_of(settings)[field]
                assert own == hint
                assert of_child == meaning or field in vars(settings).get("__annotations__", {})


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("fgan", {"divergence": "alpha", "alpha": 1.0}, "alpha"),
        ("fgan", {"divergence": "weighted-jensen-shannon", "pi": 1.0}, "pi"),
        ("gan-cls", {"dark": 0.8}, "expected 0 < dark < bright < 1"),
        ("gan-cls", {"bright": 1.0}, "expected 0 < dark < bright < 1"),
    ],
)
def test_a_value_whose_range_depends_on_others_is_refused_too(name, wrong, words):
    with pytest.raises(UsageError, match=words):
        RECIPES[name].settings(**wrong)
