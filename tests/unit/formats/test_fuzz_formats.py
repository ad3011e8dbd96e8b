"""Mutated files: a reader answers with its own error or a sound value, within a second and the declared memory.

TINYGAN_FUZZ is the number of inputs for each format; the same number gives the same inputs.
"""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from tinygan.errors import FormatError, UsageError
from tinygan.formats.safetensors import load, save
from tinygan.training.config import build, read_toml

from ..limits import within

INPUTS = int(os.environ.get("TINYGAN_FUZZ", "1000"))
PARSER = 2**22  # bytes; what parsing may take besides the content
SECONDS = 1.0

DIGEST = b"tinygan-sha256:"
TOKENS = [b"0", b"-1", b"2", b"9223372036854775807", b"18446744073709551616", b"1e3", b"[]", b"{}", b"null", b"true"]
TOKENS += [b'"F64"', b'"BOOL"', b'"x"', b'"__metadata__"', b",", b":", b" ", b"[", b"]", b'"', b"\\ud800", b"NaN"]
TOML = [b"=", b"\n", b".", b"[a]\n", b"[[a]]\n", b"{", b"}", b"inf", b"1e999", b"0x", b"'''", b'"""', b"2020-01-01"]


def flip(rng: random.Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def insert(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice([rng.randbytes(rng.randint(1, 16)), *TOKENS, *TOML]) + data[at:]


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def repeat(rng: random.Random, data: bytes, other: bytes) -> bytes:
    a, b = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:a] + data[a:b] * rng.randint(2, 30) + data[b:]


def edit_length(rng: random.Random, data: bytes, other: bytes) -> bytes:
    length = int.from_bytes(data[:8], "little")
    wrong = rng.choice([rng.getrandbits(64), 2**63, length + rng.randint(-16, 16), len(data), rng.randrange(len(data))])
    return (wrong % 2**64).to_bytes(8, "little") + data[8:]


def edit_json(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One value of the header replaced, its length made right again; a flipped bit where the header is broken."""
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        table = json.loads(data[8:end])
    except ValueError:
        table = None
    if not isinstance(table, dict) or not table:
        return flip(rng, data, other)
    node: Any = table
    while isinstance(node, dict | list) and node:
        parent, key = node, rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        node = parent[key]
        if rng.random() < 0.3:
            break
    if isinstance(parent, dict) and rng.random() < 0.2:
        parent[rng.choice(["", "x", "dtype", "\x00", "é"])] = parent.pop(key)
    else:
        parent[key] = rng.choice([0, 1, -1, 3, 2**31, 2**63, 2**64, 0.5, None, True, "", "F32", "BOOL", "F128", [], {}])
    header = json.dumps(table, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
    return len(header).to_bytes(8, "little") + header + data[end:]


def repair(data: bytes) -> bytes:
    """The file with the digest that fits what it now holds, if it has a place for one."""
    at = data.find(DIGEST) + len(DIGEST)
    if at < len(DIGEST) or at + 64 > len(data):
        return data
    blank = data[:at] + b"0" * 64 + data[at + 64 :]
    return data[:at] + sha256(blank).hexdigest().encode() + data[at + 64 :]


def mutants(seeds: list[bytes], mutations: list[Callable[..., bytes]]) -> Iterator[tuple[random.Random, bytes]]:
    rng = random.Random(20)
    for _ in range(INPUTS):
        data = rng.choice(seeds)
        for _ in range(rng.choice([1, 1, 2, 3])):
            data = rng.choice(mutations)(rng, data, rng.choice(seeds)) if len(data) > 8 else data
        yield rng, data


def within_limits(path: Path, data: bytes, read: Callable[[], object], refusal: type[Exception]) -> bool:
    """Did ``read`` accept ``data``? Any exception but ``refusal`` passes through and fails the test."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    with within(SECONDS, 2 * len(data) + PARSER, path.name):
        try:
            read()
            accepted = True
        except refusal as error:
            accepted = False
            assert str(error).isprintable()
    return accepted


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def safetensors_seeds(folder: Path) -> list[bytes]:
    rng = np.random.default_rng(0)
    states: list[tuple[dict[str, np.ndarray], dict[str, str]]] = [
        ({"G": rng.standard_normal((3, 4)).astype(np.float32), "on": np.array([True, False]), "n": np.array(7)}, {}),
        ({f"D.{i}": np.arange(i, dtype=np.uint8) for i in range(4)}, {"settings": "a = 1\n[b]\n", "ä": "ö"}),
        ({"z": np.array([1j], np.complex64), "empty": np.zeros((0, 3), np.float16)}, {"seed": "1"}),
    ]
    seeds = []
    for tensors, metadata in states:
        save(folder / "seed", tensors, metadata)
        seeds.append((folder / "seed").read_bytes())
    return seeds


@pytest.mark.usefixtures("traced")
def test_mutated_safetensors_are_refused_or_sound(tmp_path: Path) -> None:
    path, again = tmp_path / "f", tmp_path / "again"
    seeds, accepted = safetensors_seeds(tmp_path), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        for rng, data in mutants(seeds, [flip, truncate, insert, splice, repeat, edit_length, edit_json, edit_json]):
            repaired = rng.random() < 0.5
            data = repair(data) if repaired else data
            demand = not repaired or rng.random() < 0.5
            if not within_limits(path, data, lambda demand=demand: load(path, digest=demand), FormatError):  # type: ignore[misc]
                continue
            assert repaired or data in seeds  # damage alone is always noticed
            accepted += 1
            tensors, metadata = load(path)
            save(again, tensors, metadata)
            copy, copied = load(again, digest=True)
            assert copied == metadata and copy.keys() == tensors.keys()
            assert all(copy[name].tobytes() == tensors[name].tobytes() for name in copy)
    share = 100 if INPUTS >= 1000 else 200  # one of so many at least, by seeds that are fixed
    assert accepted >= INPUTS // share  # the mutants get past the digest, into the checks of the header


@dataclass
class Inner:
    rate: float = 0.1
    kind: Literal["adam", "sgd"] = "adam"


@dataclass
class Sample:
    name: str = ""
    steps: int = 1
    flip: bool = False
    widths: tuple[int, ...] = ()
    betas: tuple[float, float] = (0.0, 0.9)
    seed: int | None = None
    inner: Inner = field(default_factory=Inner)


SETTINGS = [
    b'name = "a\\u00e9"\nsteps = 12\nflip = true\nwidths = [64, 32, 16]\nbetas = [0.5, 0.999]\n[inner]\nrate = 1e-3\n',
    b"# a comment\ninner.rate = 2.5\ninner.kind = 'sgd'\nseed = 0x1F\nname = '''\nlong'''\nbetas = [1, inf]\n",
    b'inner = {rate = 1, kind = "adam"}\nwidths = [\n  1_000,\n]\nflip = false\nsteps = -3\n',
]


@pytest.mark.usefixtures("traced")
def test_mutated_settings_are_refused_or_sound(tmp_path: Path) -> None:
    path, accepted = tmp_path / "f", 0
    for _, data in mutants(SETTINGS, [flip, truncate, insert, splice, repeat]):
        accepted += within_limits(path, data, lambda: build(Sample, read_toml(path)), UsageError)
    assert INPUTS // 100 <= accepted <= INPUTS // 2
