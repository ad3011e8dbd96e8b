"""What a setting means and which values it takes, written once, beside the field of the dataclass.

    @dataclass(frozen=True)
    class Settings(Checked):
        width: int = setting(32, "channels after the first convolution; 64 in the paper", least=1, most=2048)
        loss: Literal["hinge", "wasserstein"] = setting("hinge", "loss of both nets")

    Settings(width=0)      # UsageError: width is 0; expected a whole number, 1 to 2,048 (channels after the first convolution)
    describe(Settings)     # [Row("width", "channels after …", "1 to 2,048", 32), …]

A subclass that changes a default only, ``width: int = 16``, keeps the meaning and the range of its parent. A meaning is a short
phrase; after a semicolon it may say more, which errors leave out.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from numbers import Real
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from tinygan.errors import UsageError, nearest

T = TypeVar("T")

_KEY = "setting"  # in a field's metadata
_KINDS = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Meaning:
    """What a field says of itself; the numbers are the ends of its range, ``least`` and ``most`` inside, ``below`` not."""

    text: str
    least: float | None = None
    most: float | None = None
    below: float | None = None
    values: str = ""  # the allowed values in words, where neither a range nor the annotation has them
    choices: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """The range in words: "1 to 64", "at least 0 and below 1", "at least 0"; empty for none."""
        low, high, end = (None if n is None else f"{n:,}" for n in (self.least, self.most, self.below))
        if low and high:
            return f"{low} to {high}"
        parts = (f"at least {low}" if low else "", f"at most {high}" if high else "", f"below {end}" if end else "")
        return " and ".join(filter(None, parts))

    def holds(self, value: Any) -> bool:
        """Whether a number, or each of a tuple of them, is finite and inside the range."""
        if isinstance(value, tuple):
            return all(map(self.holds, value))
        if not isinstance(value, Real):
            return False
        n: Any = value
        return (
            (isinstance(n, int) or math.isfinite(n))
            and (self.least is None or bool(n >= self.least))
            and (self.most is None or bool(n <= self.most))
            and (self.below is None or bool(n < self.below))
        )


class Row(NamedTuple):
    """One setting: its dotted key, what it means, the values it takes, its default; of a table of settings the last is None."""

    key: str
    meaning: str
    allowed: str
    default: Any


def setting(
    default: T,
    meaning: str,
    *,
    least: float | None = None,
    most: float | None = None,
    below: float | None = None,
    values: str = "",
    choices: tuple[str, ...] = (),
) -> T:
    """A field of a dataclass that derives from ``Checked``.

    ``least``, ``most`` and ``below`` are of a number, or of each number of a tuple; a number is always finite. ``choices`` are
    of a text; those of a Literal stand in its annotation. ``values`` says in words what another check allows.
    """
    return field(default=default, metadata={_KEY: Meaning(meaning, least, most, below, values, choices)})


class Checked:
    """A dataclass whose values are checked when it is made."""

    def __post_init__(self) -> None:
        """Raises UsageError for a value outside of what its setting allows."""
        cls: Any = type(self)
        for name, (hint, meaning) in settings_of(cls).items():
            value = getattr(self, name)
            if not _fits(hint, meaning, value):
                near = nearest(value, meaning.choices or map(str, get_args(hint))) if isinstance(value, str) else ""
                shown = f'"{value}"' if isinstance(value, str) else value
                raise WrongValue(name, f"is {shown}{near}; expected {expected(hint, meaning)}")


class WrongValue(UsageError):
    """A value that its setting does not allow; ``within`` gives the same error under the dotted path of a table."""

    def __init__(self, name: str, rest: str) -> None:
        super().__init__(f"{name} {rest}")
        self.name, self.rest = name, rest

    def within(self, path: str) -> WrongValue:
        return WrongValue(f"{path}.{self.name}" if path else self.name, self.rest)


@cache
def settings_of(cls: Any) -> Mapping[str, tuple[Any, Meaning]]:
    """Annotation and meaning of each field of a dataclass that has a meaning, its own or that of a parent."""
    hints = get_type_hints(cls)
    found: dict[str, tuple[Any, Meaning]] = {}
    for each in fields(cls):
        of_parents = (vars(parent).get("__dataclass_fields__", {}).get(each.name) for parent in cls.__mro__)
        meaning = next((f.metadata[_KEY] for f in of_parents if f and _KEY in f.metadata), None)
        if meaning:
            found[each.name] = hints[each.name], meaning
    return types.MappingProxyType(found)


def describe(settings: Any, path: str = "") -> list[Row]:
    """A row for each setting of a dataclass or of an instance, whose values are then the defaults; tables of settings follow
    their own row. Fields without a meaning are left out."""
    return list(_rows(settings() if isinstance(settings, type) else settings, path))


def _rows(settings: Any, path: str) -> Iterator[Row]:
    cls: Any = type(settings)
    for name, (hint, meaning) in settings_of(cls).items():
        key, value = f"{path}.{name}" if path else name, getattr(settings, name)
        if is_dataclass(value):
            yield Row(key, meaning.text, "", None)
            yield from _rows(value, key)
        else:
            yield Row(key, meaning.text, allowed(hint, meaning), value)


def allowed(hint: Any, meaning: Meaning) -> str:
    """The values that a setting takes, in words: "1 to 64", "sum or mean", "true or false"."""
    hint = _without_none(hint)
    origin, members = get_origin(hint), get_args(hint)
    if meaning.values:
        return meaning.values
    if hint is bool:
        return "true or false"
    if origin is Literal or meaning.choices:
        *others, last = map(str, meaning.choices or members)
        return f"{', '.join(others)} or {last}" if others else last
    if origin is tuple:
        return f"{len(members)} numbers, each {meaning.range}"
    return meaning.range or ("any text" if hint is str else "any number")


def _without_none(hint: Any) -> Any:
    """X of the annotation ``X | None``; any other annotation unchanged."""
    members = [member for member in get_args(hint) if member is not types.NoneType]
    return members[0] if get_origin(hint) in (Union, types.UnionType) else hint


def expected(hint: Any, meaning: Meaning) -> str:
    """The same for an error: with the kind of value, and the first phrase of the meaning."""
    hint = _without_none(hint)
    kind = (
        f"{_KINDS[hint]}, " if hint in _KINDS else "one of " if meaning.choices or get_origin(hint) is Literal else ""
    )
    return f"{kind}{allowed(hint, meaning)} ({meaning.text.partition(';')[0]})"


def _fits(hint: Any, meaning: Meaning, value: Any) -> bool:
    inner = _without_none(hint)
    if value is None:
        return inner is not hint
    if get_origin(inner) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(inner))
    if meaning.choices:
        return value in meaning.choices
    if inner in (int, float) or get_origin(inner) is tuple:
        return meaning.holds(value)
    return True
