"""Read TOML with limits, and write it (the standard library can only read). Used for settings.

Source: TOML 1.0.0. The writer does not support dates.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tinygan.errors import UsageError

MAX_FILE = 2**16  # bytes; tomllib needs up to 2.7 s for 1 MiB
MAX_DEPTH = 16
MAX_DOTS = 300_000  # tomllib needs about 0.6 µs per part of a key, for each line below it
_INT64 = range(-(2**63), 2**63)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file in UTF-8 of at most 64 KiB.

    Raises UsageError, and nothing else, if the file is missing, larger, not UTF-8, not TOML, nested more than 16 levels, or
    has an integer that does not fit in 64 bits.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise UsageError(f"cannot read {path}: it is not a file; check the path")
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; expected a TOML file that can be read") from error
    if len(data) > MAX_FILE:
        raise UsageError(f"{path} has more than {MAX_FILE} bytes; expected settings; check the path")
    try:
        return parse_toml(data.decode("utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error!s:.200}; correct the file") from error


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML within the limits of ``read_toml``. Raises ValueError with a message of one line."""
    lines = [line.count(".") for line in text.split("\n")]
    if max(lines) * (sum(lines) + len(lines)) > MAX_DOTS:
        raise ValueError(f"a line has {max(lines)} dots; expected shorter keys, or lists on several lines")
    try:
        mapping = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"it nests too deeply; expected at most {MAX_DEPTH} levels") from None
    level: list[Any] = [mapping]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
        if any(isinstance(value, int) and value not in _INT64 for value in level):
            raise ValueError("an integer does not fit 64 bits; write it smaller, or as a float")
    if level:
        raise ValueError(f"it nests too deeply; expected at most {MAX_DEPTH} levels")
    return mapping


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def to_toml(mapping: Mapping[str, Any]) -> str:
    """``mapping`` as TOML. ``tomllib.loads`` returns an equal mapping, with lists in place of tuples.

    Values are bool, 64-bit int, float (also infinite or NaN), str, and lists and mappings of these. Raises UsageError for
    other values.
    """
    return "".join(f"{line}\n" for line in _table(mapping, ""))


def _table(mapping: Mapping[str, Any], path: str) -> Iterator[str]:
    """The lines of one table. Its own keys come first, because every key after ``[name]`` belongs to ``name``."""
    for key, value in mapping.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield f"[{path}{_key(key)}]"
            yield from _table(value, f"{path}{_key(key)}.")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise UsageError(f"a key of the settings is {key!a}; expected a text")
    return key if _BARE_KEY.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if value in _INT64:
            return int.__repr__(value)
        case float():
            return float.__repr__(value)
        case str() if not any("\ud800" <= letter <= "\udfff" for letter in value):
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON allows DEL, TOML does not
        case list() | tuple():
            return f"[{', '.join(_value(item) for item in value)}]"
        case Mapping():
            return f"{{{', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items())}}}"
    raise UsageError(f"a {type(value).__name__} cannot be written as TOML; expected bool, int, float, text or a list")


def abbreviated(value: Any) -> str:
    """A value in TOML syntax for an error message: one line of at most 60 characters."""
    try:
        text = _value(value)
    except UsageError:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
