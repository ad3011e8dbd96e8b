"""Settings as text: what is written reads back equal, what is no setting is one UsageError within a second."""

from __future__ import annotations

import math
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.errors import UsageError
from tinygan.formats.toml import MAX_FILE, parse_toml, read_toml, to_toml

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
leaves = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts
values = st.recursive(leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3), max_leaves=12)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(texts, values, max_size=4))
def test_written_toml_reads_back_equal(mapping: dict[str, Any]) -> None:
    text = to_toml(mapping)
    assert tomllib.loads(text) == mapping
    assert repr(tomllib.loads(text)) == repr(dict(_tables_last(mapping)))  # 1, 1.0, True and -0.0, 0.0 are told apart


def _tables_last(mapping: dict[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in mapping.items() if not isinstance(value, dict)}
    return own | {key: _tables_last(value) for key, value in mapping.items() if isinstance(value, dict)}


def test_infinities_nan_and_tuples_have_a_form_in_toml() -> None:
    read = tomllib.loads(to_toml({"a": math.inf, "b": (-math.inf, 1), "c": math.nan}))
    assert read["a"] == math.inf and read["b"] == [-math.inf, 1] and math.isnan(read["c"])


@pytest.mark.parametrize("value", [None, 2**63, b"x", {1}, {1: 2}, "\ud800", [1j]])
def test_values_that_toml_does_not_have_are_refused(value: object) -> None:
    with pytest.raises(UsageError):
        to_toml({"a": value})


N = 2**14
BAD_FILES = {
    "broken": b"a = ",
    "a key twice": b"a = 1\na = 2",
    "UTF-16": "a = 1".encode("utf-16"),
    "Latin-1": "a = 'ä'".encode("latin-1"),
    "too large": b"#" * (MAX_FILE + 1),
    "nested arrays": b"a = " + b"[" * N,
    "nested tables": b"a = " + b"{a=" * N,
    "17 levels": b"a = " + b"[" * 16 + b"]" * 16,
    "a long dotted key": b".".join([b"a"] * N) + b" = 1",
    "many keys under a long one": b"["
    + b".".join([b"a"] * 3000)
    + b"]\n"
    + b"".join(b"x%d=1\n" % i for i in range(5000)),
    "many long keys": b"".join(b"%d.".join([b"a"] * 60) % ((i,) * 59) + b"=1\n" for i in range(300)),
    "an integer of 64 bits and one more": b"a = [[9223372036854775808]]",
    "an integer of a thousand digits": b"a = " + b"9" * 1000,
    "an integer of ten thousand digits": b"a = " + b"9" * 10_000,
    "a hexadecimal integer of ten thousand digits": b"a = 0x" + b"9" * 10_000,
    "a date that is none": b"a = 2020-13-45",
    "NUL": b"a = 1\0",
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_a_usage_error_on_one_line_within_a_second(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(BAD_FILES[kind])
    start = time.process_time()
    with pytest.raises(UsageError) as caught:
        read_toml(path)
    assert time.process_time() - start <= 1
    message = str(caught.value)
    assert str(path) in message and message.isprintable() and len(message) <= len(str(path)) + 300


@pytest.mark.parametrize("text", ["a=[" + "1," * 32_000 + "]", "[[a]]\n" * 10_000, "a='" + "\t" * 65_000 + "'"])
def test_the_largest_files_are_read_within_a_second(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    start = time.process_time()
    assert read_toml(path) == tomllib.loads(text)
    assert time.process_time() - start <= 1


def test_files_as_editors_save_them_are_read(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\n[b]\r\nc = [1.5, 2.5]\r\n")
    assert read_toml(tmp_path / "s.toml") == {"a": 1, "b": {"c": [1.5, 2.5]}}
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="check the path"):
            read_toml(path)


def test_text_within_the_limits_of_keys_is_read() -> None:
    lists = "a = [" + "0.125, " * 500 + "]"
    assert parse_toml(lists) == {"a": [0.125] * 500}
