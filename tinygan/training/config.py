"""Strict settings: a dataclass defines the keys and their types; anything else is an error.

    @dataclass(frozen=True)
    class Optimiser:
        rate: float = 2e-4
        kind: Literal["adam", "sgd"] = "adam"

    build(Optimiser, {"rate": 1})          # Optimiser(rate=1.0, kind='adam')
    build(Optimiser, {"rat": 1})           # UsageError: unknown key rat (did you mean rate?); the keys are rate, kind

Mappings hold what TOML holds: bool, int, float, str, lists and tables of these.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from re import fullmatch
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from tinygan.core.settings import Meaning, WrongValue, expected, settings_of
from tinygan.errors import UsageError, nearest
from tinygan.formats.toml import abbreviated, parse_toml, read_toml, to_toml

__all__ = ["as_mapping", "build", "differences", "merge", "read_toml", "set_key", "to_toml"]

T = TypeVar("T")

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}


def build(cls: type[T], mapping: Mapping[str, Any], *, where: str = "") -> T:
    """An instance of the dataclass ``cls`` from ``mapping``; a missing key has its default.

    Annotations may be bool, int, float (an int is converted), str, Literal[...], tuple[X, ...], tuple[X, Y],
    another dataclass, and ``X | None``. ``where`` is the dotted path of ``mapping`` for messages.
    Raises UsageError for an unknown key, a missing one without a default, or a value of another type.
    """
    hints = get_type_hints(cls)
    mapping = _renamed(cls, mapping)
    known = {field.name: field for field in _fields(cls)}
    for key in mapping:
        if key not in known:
            raise UsageError(f"unknown key {_path(where, key)}{_near(cls, key)}; the keys are {', '.join(known)}")
    for name, field in known.items():
        if name not in mapping and field.default is MISSING and field.default_factory is MISSING:
            raise UsageError(f"the key {_path(where, name)} is missing; expected {_wanted(hints[name])}; add it")
    whole = {key: _over(known[key].default, value) for key, value in mapping.items()}
    meanings = {key: meaning for key, (_, meaning) in settings_of(cast(Any, cls)).items()}
    values = {key: _convert(hints[key], value, _path(where, key), meanings.get(key)) for key, value in whole.items()}
    try:
        return cls(**values)
    except WrongValue as error:
        raise error.within(where) from None


def _near(cls: Any, key: str) -> str:
    """ " (did you mean X?)" for an unknown key: one like it, or one in a table, as adam_G.lr for lr."""
    tables = [field for field in _fields(cls) if is_dataclass(field.default)]
    below = [f"{field.name}.{key}" for field in tables if key in {each.name for each in _fields(field.default)}]
    return nearest(key, [field.name for field in _fields(cls)]) or (
        f" (did you mean {' or '.join(below)}?)" if below else ""
    )


def _renamed(cls: type, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """``mapping`` with the keys of today, where a run of an earlier version has others.

    ``cls.RENAMED`` maps an earlier key to today's, and its values to today's.
    """
    table: Mapping[str, tuple[str, Mapping[Any, Any]]] = getattr(cls, "RENAMED", {})
    for old, (new, values) in table.items():
        for value, today in values.items():
            if new not in mapping and type(mapping.get(old)) is type(value) and mapping[old] == value:
                mapping = {key: each for key, each in mapping.items() if key != old} | {new: today}
    return mapping


def _over(default: Any, value: Any) -> Any:
    """A table merged over the dataclass that is the key's default: keys that it leaves out have the values of that."""
    nested = is_dataclass(default) and isinstance(value, Mapping)
    return merge(as_mapping(default), value) if nested else value


def _convert(hint: Any, value: Any, where: str, meaning: Meaning | None = None) -> Any:
    """``value`` converted to the type ``hint``; ``meaning`` is that of the setting, for messages. Raises UsageError."""
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (hint,) = (member for member in members if member is not types.NoneType)  # X | None; TOML has no None
        return _convert(hint, value, where)
    if origin is Literal:
        for choice in members:
            if type(value) is type(choice) and value == choice:
                return choice
    elif origin is tuple and isinstance(value, list):
        many = len(members) == 2 and members[1] is Ellipsis
        wanted = members[:1] * len(value) if many else members
        if len(value) == len(wanted):
            return tuple(_convert(wanted[i], item, f"{where}[{i}]") for i, item in enumerate(value))
    elif is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return build(hint, value, where=where)
    elif hint is float and type(value) is int:
        return float(value)
    elif type(value) is hint and hint in _WORDS:
        return value
    advice = (
        nearest(value, [choice for choice in members if isinstance(choice, str)])
        if origin is Literal and isinstance(value, str)
        else ""
    )
    words = expected(hint, meaning) if meaning and not is_dataclass(hint) else _wanted(hint)
    raise UsageError(f"{where} is {abbreviated(value)}{advice}; expected {words}")


def _wanted(hint: Any) -> str:
    """An annotation in words."""
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_wanted(member) for member in members if member is not types.NoneType)
    if origin is Literal:
        return "one of " + ", ".join(abbreviated(choice) for choice in members)
    if origin is tuple and members[-1] is Ellipsis:
        return f"a list, each {_wanted(members[0])}"
    if origin is tuple:
        return f"a list of {len(members)}: " + ", ".join(_wanted(member) for member in members)
    if is_dataclass(hint):
        return "a table with the keys " + ", ".join(field.name for field in _fields(hint))
    return _WORDS[hint]


def _fields(cls: Any) -> list[Field[Any]]:
    return [field for field in fields(cls) if field.init]


def _path(where: str, key: str) -> str:
    key = key if fullmatch(r"[\w-]{1,60}", key) else abbreviated(key)
    return f"{where}.{key}" if where else key


def as_mapping(instance: Any) -> dict[str, Any]:
    """The settings of a dataclass, for ``to_toml``: nested ones as mappings, tuples as lists, None left out.

    ``build(cls, as_mapping(x)) == x`` if fields that can be None have it as their default, which is checked.
    """
    mapping = {}
    for field in _fields(instance):
        value = getattr(instance, field.name)
        if value is not None:
            mapping[field.name] = _plain(value)
        elif field.default is not None:
            raise UsageError(f"{type(instance).__name__}.{field.name} is None; expected None as its default too")
    return mapping


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return as_mapping(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def set_key(mapping: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """A copy of ``mapping`` with ``a.b=value`` set; ``mapping`` itself is not written.

    The value is read as TOML (``1e-3``, ``true``, ``[1, 2]``, ``"x"``) and otherwise taken as a text: ``kind=adam``.
    Raises UsageError without ``=``, for a key that is not letters, digits, ``_``, ``-`` between single dots, and for a
    key below one that is not a table.
    """
    key, equals, text = (part.strip() for part in assignment.partition("="))
    if not equals or not fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise UsageError(f"cannot set {abbreviated(assignment)}; expected KEY=VALUE, as in model.width=64")
    try:
        parsed = parse_toml(f"value = {text}")
    except ValueError:
        parsed = {"value": text}
    value = parsed["value"] if len(parsed) == 1 else text  # a line break in the text would start another key
    return _with(mapping, key.split("."), value, "")


def _with(mapping: Mapping[str, Any], keys: list[str], value: Any, where: str) -> dict[str, Any]:
    if len(keys) > 1:
        where = _path(where, keys[0])
        below = mapping.get(keys[0], {})
        if not isinstance(below, Mapping):
            raise UsageError(f"cannot set {where}.{keys[1]}: {where} is {abbreviated(below)}; expected a table")
        value = _with(below, keys[1:], value, where)
    return {**mapping, keys[0]: value}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings in one. Where they share a key the value of ``above`` counts; tables are merged key by key."""
    both = {
        k: merge(below[k], v) for k, v in above.items() if isinstance(v, Mapping) and isinstance(below.get(k), Mapping)
    }
    return {**below, **above, **both}


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Where the settings ``a``, given here, differ from ``b``, those of a run: one line for each dotted key, sorted.

    For example ``width: 32 here, 64 in the run``. Values are compared as TOML: NaN equals NaN, 1 differs from 1.0.
    """
    here, run = _flat(a), _flat(b)
    return [
        f"{key}: {_here(here, key)} here, {_here(run, key)} in the run"
        for key in sorted(here.keys() | run.keys())
        if to_toml(here.get(key, {})) != to_toml(run.get(key, {}))
    ]


def _flat(mapping: Mapping[str, Any], where: str = "") -> dict[str, dict[str, Any]]:
    """Dotted keys to one-entry tables, so that what is not set is the empty one."""
    flat: dict[str, dict[str, Any]] = {}
    for key, value in mapping.items():
        path = _path(where, key)
        flat |= _flat(value, path) if isinstance(value, Mapping) else {path: {"value": value}}
    return flat


def _here(flat: dict[str, dict[str, Any]], key: str) -> str:
    return abbreviated(flat[key]["value"]) if key in flat else "not set"
