"""Files made to deceive a reader of safetensors: each is one FormatError, within a second and the declared memory.

After the list of abuses in huggingface/safetensors, attacks/, and its issues.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tinygan.errors import FormatError
from tinygan.formats.safetensors import load
from tinygan.formats.safetensors_header import MAX_HEADER, MAX_TENSORS


def raw(header: object, payload: bytes = b"") -> bytes:
    """A file by hand: ``header`` is JSON text or what becomes it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + payload


def entry(dtype: object = "U8", shape: object = (2,), offsets: object = (0, 2)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


DEEP = b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
ATTACKS = {
    "length beyond the file": (2**40).to_bytes(8, "little") + b"{}",
    "length of 2**64 - 1": b"\xff" * 8 + b"{}",
    "header beyond our limit": raw(b"{" + b" " * MAX_HEADER + b"}"),
    "100,000 tensors": raw({f"{i:06}": entry(shape=[0], offsets=[0, 0]) for i in range(100_000)}),
    "one tensor too many": raw({f"{i}": entry(shape=[0], offsets=[0, 0]) for i in range(MAX_TENSORS + 1)}),
    "deep JSON": raw(DEEP),
    "a number of all the digits allowed": raw(b'{"x":' + b"9" * (MAX_HEADER - 10) + b"}"),
    "all the empty lists allowed": raw(b'{"x":[' + b"[]," * (MAX_HEADER // 3 - 10) + b"[]]}"),
    "no header": raw(b""),
    "a list for a header": raw(b"[]"),
    "a leading space": raw(b" {}"),
    "text behind the object": raw(b"{}x"),
    "not UTF-8": raw(b'{"\xff":{}}'),
    "a lone surrogate in a name": raw(b'{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "a lone surrogate in the metadata": raw(b'{"__metadata__":{"a":"\\ud800"}}'),
    "a name twice": raw(b'{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"x":{}}'),
    "a field twice": raw(b'{"x":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "metadata that is a list": raw({"__metadata__": []}),
    "metadata that is a number": raw({"__metadata__": {"a": 1}}),
    "a tensor that is null": raw({"x": None}),
    "a field too many": raw({"x": entry() | {"more": 1}}, b"ab"),
    "a field missing": raw({"x": {"dtype": "U8", "shape": [2]}}, b"ab"),
    "an unknown dtype": raw({"x": entry("BF16", [1])}, b"ab"),
    "a dtype that is a list": raw({"x": entry(["U8"])}, b"ab"),
    "a negative extent": raw({"x": entry(shape=[-2])}, b"ab"),
    "two negative extents": raw({"x": entry(shape=[-1, -2])}, b"ab"),
    "a float extent": raw({"x": entry(shape=[2.0])}, b"ab"),
    "true for an extent": raw({"x": entry(shape=[True, 2])}, b"ab"),
    "a shape that is a number": raw({"x": entry(shape=2)}, b"ab"),
    "65 axes": raw({"x": entry(shape=[1] * 64 + [2])}, b"ab"),
    "a shape that overflows to 2": raw({"x": entry(shape=[2**63 + 1, 2])}, b"ab"),
    "a product that overflows to 0": raw({"x": entry(shape=[2**32, 2**32], offsets=[0, 0])}),
    "an empty tensor of 2**124 rows": raw({"x": entry(shape=[0, 2**62, 2**62], offsets=[0, 0])}),
    "4 EiB declared": raw({"x": entry(shape=[2**62], offsets=[0, 2**62])}, b"ab"),
    "1 GiB declared in a file of 2 bytes": raw({"x": entry(shape=[2**30], offsets=[0, 2**30])}, b"ab"),
    "negative offsets": raw({"x": entry(offsets=[-2, 0])}, b"ab"),
    "offsets backwards": raw({"x": entry(offsets=[2, 0])}, b"ab"),
    "three offsets": raw({"x": entry(offsets=[0, 1, 2])}, b"ab"),
    "a shape that does not fit its bytes": raw({"x": entry(shape=[3])}, b"ab"),
    "an overlap": raw({"x": entry(), "y": entry(offsets=[1, 3])}, b"abc"),
    "twice the same bytes": raw({"x": entry(), "y": entry()}, b"ab"),
    "a hole": raw({"x": entry(), "y": entry(offsets=[3, 5])}, b"abcde"),
    "a hole at the start": raw({"x": entry(offsets=[1, 3])}, b"abc"),
    "bytes behind the last tensor": raw({"x": entry()}, b"abc"),
    "bytes and no tensor": raw({}, b"abc"),
    "a boolean of 2": raw({"x": entry("BOOL")}, b"\1\2"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_a_format_error_within_a_second(tmp_path: Path, attack: str) -> None:
    path = tmp_path / "attack"
    path.write_bytes(ATTACKS[attack])
    start = time.process_time()
    with pytest.raises(FormatError) as caught:
        load(path)
    assert time.process_time() - start <= 1
    message = str(caught.value)
    assert str(path) in message and message.isprintable() and len(message) <= len(str(path)) + 400


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack != "a boolean of 2"])
def test_an_attack_is_found_before_a_tensor_is_allocated(
    tmp_path: Path, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "attack").write_bytes(ATTACKS[attack])
    monkeypatch.setattr(np, "empty", None)
    with pytest.raises(FormatError):
        load(tmp_path / "attack")


def test_no_attack_costs_more_memory_than_declared(tmp_path: Path) -> None:
    path, peaks = tmp_path / "attack", {}
    tracemalloc.start()
    try:
        for attack, data in ATTACKS.items():
            path.write_bytes(data)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            with pytest.raises(FormatError):
                load(path)
            peaks[attack] = tracemalloc.get_traced_memory()[1] - before - 2 * len(data)
    finally:
        tracemalloc.stop()
    assert max(peaks.values()) <= 30 * MAX_HEADER, peaks


def test_harmless_files_like_the_attacks_are_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(raw({"b": entry(offsets=[2, 4]), "a": entry("I16", [])}, b"abcd"))
    loaded, metadata = load(tmp_path / "f")
    assert list(loaded) == ["a", "b"] and metadata == {}
    assert loaded["a"].shape == () and loaded["a"] == 0x6261
    assert loaded["b"].tolist() == [ord("c"), ord("d")]
