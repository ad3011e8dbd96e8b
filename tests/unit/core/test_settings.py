"""A setting's meaning and range stand beside its field: values outside are refused, and rows describe all."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from tinygan.core.settings import Checked, Row, WrongValue, describe, setting
from tinygan.errors import UsageError


@dataclass(frozen=True)
class Inner(Checked):
    rate: float = setting(0.5, "step length; of each weight", least=0, below=1)


@dataclass(frozen=True)
class Outer(Checked):
    width: int = setting(32, "channels; 64 in the paper", least=1, most=2**11)
    kind: Literal["sum", "mean", 3] = setting("sum", "how numbers are pooled")
    pair: tuple[float, float] = setting((0.5, 1.0), "two noises", least=0)
    flag: bool = setting(False, "whether images are mirrored")
    name: str = setting("a", "which one", choices=("a", "bb", "c"))
    data: str = setting("x", "the data", values="a name or a path")
    inner: Inner = setting(Inner(), "optimiser")
    most: int | None = setting(None, "how many", least=2)
    plain: int = 3


@dataclass(frozen=True)
class Child(Outer):
    width: int = 16
    inner: Inner = Inner(0.25)


def test_every_setting_has_a_row_and_a_nested_one_has_a_dotted_key():
    assert describe(Outer) == [
        Row("width", "channels; 64 in the paper", "1 to 2,048", 32),
        Row("kind", "how numbers are pooled", "sum, mean or 3", "sum"),
        Row("pair", "two noises", "2 numbers, each at least 0", (0.5, 1.0)),
        Row("flag", "whether images are mirrored", "true or false", False),
        Row("name", "which one", "a, bb or c", "a"),
        Row("data", "the data", "a name or a path", "x"),
        Row("inner", "optimiser", "", None),
        Row("inner.rate", "step length; of each weight", "at least 0 and below 1", 0.5),
        Row("most", "how many", "at least 2", None),
    ]


def test_a_subclass_keeps_meaning_and_range_of_what_it_gives_another_default():
    rows = {row.key: row for row in describe(Child)}
    assert rows["width"] == Row("width", "channels; 64 in the paper", "1 to 2,048", 16)
    assert rows["inner.rate"].default == 0.25
    with pytest.raises(UsageError, match="width is 0; expected a whole number, 1 to 2,048"):
        Child(width=0)


def test_the_rows_of_an_instance_have_its_values():
    rows = {row.key: row.default for row in describe(Outer(width=7, inner=Inner(0.125)))}
    assert (rows["width"], rows["inner.rate"]) == (7, 0.125)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width is 0; expected a whole number, 1 to 2,048 (channels)"),
        ({"width": 2**11 + 1}, "width is 2049; expected a whole number, 1 to 2,048 (channels)"),
        ({"width": None}, "width is None; expected a whole number, 1 to 2,048 (channels)"),
        ({"most": 1}, "most is 1; expected a whole number, at least 2 (how many)"),
        ({"width": "8"}, 'width is "8"; expected a whole number, 1 to 2,048 (channels)'),
        (
            {"kind": "maen"},
            'kind is "maen" (did you mean mean?); expected one of sum, mean or 3 (how numbers are pooled)',
        ),
        ({"kind": 3.0}, "kind is 3.0; expected one of sum, mean or 3 (how numbers are pooled)"),
        ({"pair": (1.0, -1.0)}, "pair is (1.0, -1.0); expected 2 numbers, each at least 0 (two noises)"),
        ({"name": "b"}, 'name is "b" (did you mean bb?); expected one of a, bb or c (which one)'),
    ],
)
def test_a_value_outside_is_refused_with_the_values_allowed(changes, message):
    with pytest.raises(UsageError) as refused:
        replace(Outer(), **changes)
    assert str(refused.value) == message


@pytest.mark.parametrize("rate", [-1e-9, 1.0, np.nan, np.inf, -np.inf])
def test_a_number_is_finite_and_inside_its_range(rate):
    with pytest.raises(UsageError, match="expected a number, at least 0 and below 1 "):
        Inner(rate)


@pytest.mark.parametrize("rate", [0, 0.0, 0.999, np.float32(0.5), np.float64(0.5)])
def test_both_ends_and_every_type_of_number_are_taken(rate):
    assert Inner(rate).rate == rate
    assert [Outer(width=width).width for width in (1, 2**11)] == [1, 2**11]


def test_an_error_can_be_told_under_the_path_of_its_table():
    with pytest.raises(WrongValue) as refused:
        Inner(2.0)
    assert str(refused.value.within("settings.inner")).startswith("settings.inner.rate is 2.0; expected")
    assert str(refused.value.within("")) == str(refused.value)
