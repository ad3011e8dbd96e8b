"""Settings are strict: what is wrong is one UsageError that says how to mend it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.errors import UsageError
from tinygan.training.config import as_mapping, build, differences, set_key


@dataclass(frozen=True)
class Optimiser:
    rate: float = 2e-4
    betas: tuple[float, float] = (0.0, 0.9)
    kind: Literal["adam", "sgd"] = "adam"

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise UsageError(f"rate is {self.rate}; expected more than 0")


@dataclass(frozen=True)
class Settings:
    data: str
    steps: int = 1000
    flip: bool = False
    widths: tuple[int, ...] = (64, 32)
    seed: int | None = None
    optimiser: Optimiser = field(default_factory=Optimiser)
    teacher: Optimiser | None = None
    factor: Literal[1, 2, 4] = 1
    made: float = field(default=0.0, init=False)


FULL: dict[str, Any] = {
    "data": "digits",
    "steps": 5,
    "flip": True,
    "widths": [8],
    "seed": 3,
    "optimiser": {"rate": 1, "betas": [0.5, 1], "kind": "sgd"},
    "teacher": {"rate": 0.5},
    "factor": 4,
}


def test_a_mapping_becomes_the_dataclass() -> None:
    expected = Settings("digits", 5, True, (8,), 3, Optimiser(1.0, (0.5, 1.0), "sgd"), Optimiser(0.5), 4)
    built = build(Settings, FULL)
    assert built == expected
    assert type(built.optimiser.rate) is float and type(built.optimiser.betas[1]) is float
    assert build(Settings, {"data": ""}) == Settings("")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"step": 5},
            "unknown key step (did you mean steps?); the keys are data, steps, flip, widths, seed, optimiser",
        ),
        ({"xyz": 5}, "unknown key xyz; the keys are data"),
        ({"made": 1.0}, "unknown key made"),
        (
            {"optimiser": {"beta": 1}},
            "unknown key optimiser.beta (did you mean betas?); the keys are rate, betas, kind",
        ),
        ({"steps": True}, "steps is true; expected a whole number"),
        ({"steps": 5.0}, "steps is 5.0; expected a whole number"),
        ({"flip": 1}, "flip is 1; expected true or false"),
        ({"data": 3}, "data is 3; expected a text in quotes"),
        ({"widths": 3}, "widths is 3; expected a list, each a whole number"),
        ({"widths": [1, "2"]}, 'widths[1] is "2"; expected a whole number'),
        ({"optimiser": {"betas": [0.5]}}, "optimiser.betas is [0.5]; expected a list of 2: a number, a number"),
        ({"optimiser": {"rate": "1e-3"}}, 'optimiser.rate is "1e-3"; expected a number'),
        ({"optimiser": {"rate": True}}, "optimiser.rate is true; expected a number"),
        ({"optimiser": {"kind": "adm"}}, 'is "adm" (did you mean adam?); expected one of "adam", "sgd"'),
        ({"optimiser": 3}, "optimiser is 3; expected a table with the keys rate, betas, kind"),
        ({"optimiser": {"rate": -1}}, "rate is -1.0; expected more than 0"),
        ({"seed": "x"}, 'seed is "x"; expected a whole number'),
        ({"teacher": {"rates": 1}}, "unknown key teacher.rates (did you mean rate?)"),
        ({"factor": 3}, "factor is 3; expected one of 1, 2, 4"),
        ({"factor": True}, "factor is true; expected one of 1, 2, 4"),
        ({"data": ["a\nb" * 99]}, 'data is ["a\\nba'),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build(Settings, {**FULL, **changes})
    assert message in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) <= 300


def test_a_table_changes_what_it_names_of_its_own_default() -> None:
    @dataclass(frozen=True)
    class Game:
        G: Optimiser = Optimiser(rate=1e-3, kind="sgd")

    assert Optimiser(1e-3, (0.5, 0.9), "sgd") == build(Game, {"G": {"betas": [0.5, 0.9]}}).G


@dataclass(frozen=True)
class Renamed:
    RENAMED: ClassVar = {"batch_norm": ("norm", {True: "batch", False: "none"})}
    norm: Literal["batch", "instance", "none"] = "batch"


def test_a_key_of_an_earlier_version_is_read_under_the_name_of_today() -> None:
    assert build(Renamed, {"batch_norm": True}) == build(Renamed, {}) == Renamed("batch")
    assert build(Renamed, {"batch_norm": False}) == Renamed("none")
    assert as_mapping(build(Renamed, {"batch_norm": False})) == {"norm": "none"}


@pytest.mark.parametrize("wrong", [{"batch_norm": 1}, {"batch_norm": [1]}, {"batch_norm": True, "norm": "batch"}])
def test_a_wrong_key_of_an_earlier_version_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="unknown key batch_norm"):
        build(Renamed, wrong)


def test_a_missing_setting_without_a_default_is_named_with_its_table() -> None:
    with pytest.raises(UsageError, match=r"run\.data is missing; expected a text in quotes"):
        build(Settings, {}, where="run")


numbers = st.floats(allow_nan=False)
optimisers = st.builds(Optimiser, st.floats(0, exclude_min=True), st.tuples(numbers, numbers))
everything = st.builds(Settings, optimiser=optimisers, teacher=st.none() | optimisers, widths=st.tuples(st.integers()))


@settings(max_examples=50, deadline=None)
@given(everything)
def test_settings_go_round_through_a_mapping(value: Settings) -> None:
    assert build(Settings, as_mapping(value)) == value


def test_a_none_that_would_not_come_back_is_refused() -> None:
    @dataclass
    class Odd:
        seed: int | None = 3

    with pytest.raises(UsageError, match=r"Odd\.seed is None; expected None as its default"):
        as_mapping(Odd(None))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"x"', "x"),
        ("adam", "adam"),
        ("", ""),
        ("a=b", "a=b"),
        ("1\nother = 2", "1\nother = 2"),
        ("runs/2026", "runs/2026"),
        ("[" * 9999, "[" * 9999),
        ("9" * 30, "9" * 30),
    ],
)
def test_an_assignment_reads_its_value_as_toml_or_as_a_text(text: str, value: object) -> None:
    assert set_key({}, f"a.b-1 = {text}") == {"a": {"b-1": value}}


def test_an_assignment_leaves_its_input_and_the_other_keys() -> None:
    before = {"a": {"b": 1, "c": 2}, "d": {"e": 3}}
    assert set_key(before, "a.b=5") == {"a": {"b": 5, "c": 2}, "d": {"e": 3}}
    assert before == {"a": {"b": 1, "c": 2}, "d": {"e": 3}}


@pytest.mark.parametrize("assignment", ["a", "=1", "a.=1", ".a=1", "a..b=1", "a b=1", "", "d.e.f=1"])
def test_an_assignment_that_is_none_is_refused(assignment: str) -> None:
    with pytest.raises(UsageError, match="cannot set"):
        set_key({"d": {"e": 3}}, assignment)


def test_differences_are_told_by_dotted_key() -> None:
    here = {"width": 32, "o": {"rate": 1.0, "x": math.nan}, "only": "a", "long": "a" * 99 + "b"}
    run: Mapping[str, Any] = {"width": 64, "o": {"rate": 1.0, "x": math.nan, "n": [1]}, "long": "a" * 99 + "c"}
    assert differences(here, run) == [
        f'long: "{"a" * 56}... here, "{"a" * 56}... in the run',
        "o.n: not set here, [1] in the run",
        'only: "a" here, not set in the run',
        "width: 32 here, 64 in the run",
    ]
    assert differences(here, here) == []
