"""Mutated PyTorch files end in FormatError or in tensors: never in another exception, a long wait or much memory.

N mutated inputs, N = TINYGAN_FUZZ (1000), the same for every run.
"""

import io
import os
import tracemalloc
import zipfile

import numpy as np

from tinygan.errors import FormatError
from tinygan.formats.torchfile import parse_torch

from ..limits import within
from .test_torchfile import ARRAYS, archive, stream, torch  # noqa: F401 (a fixture)

N = int(os.environ.get("TINYGAN_FUZZ", "1000"))
SECONDS = 1.0
SLACK = 2**18  # bytes: objects of the interpreter
INSTRUCTIONS = [
    b"(",
    b")",
    b".",
    b"t",
    b"R",
    b"b",
    b"Q",
    b"u",
    b"s",
    b"e",
    b"a",
    b"]",
    b"}",
    b"N",
    b"\x88",
    b"\x85",
    b"\x87",
]
INSTRUCTIONS += [
    b"q\x00",
    b"h\x01",
    b"r\xff\xff\xff\x7f",
    b"j\xff\xff\xff\xff",
    b"J\xff\xff\xff\xff",
    b"X\xff\xff\xff\xff",
]
INSTRUCTIONS += [
    b"\x8a\xff",
    b"\x8a\x08" + b"\xff" * 7 + b"\x7f",
    b"ccollections\nOrderedDict\n",
    b"ctorch\nFloatStorage\n",
]
INSTRUCTIONS += [
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"cos\nsystem\n",
    b"K\x00",
    b"K\xff",
    b"M\xff\xff",
    b"G" + b"\xff" * 8,
]


def mutate(rng: np.random.Generator, data: bytes, other: bytes, first: int) -> bytes:
    """One change, mostly in the first ``first`` bytes: bits, a cut, a splice, a repetition, an instruction."""
    at = int(rng.integers(0, min(first, len(data)) if rng.random() < 0.8 else len(data)))
    to = min(len(data), at + int(rng.integers(1, 40)))
    match rng.integers(0, 8):
        case 0:
            changed = bytearray(data)
            for place in rng.integers(0, min(first, len(data)), rng.integers(1, 4)):
                changed[place] = rng.integers(0, 256)
            return bytes(changed)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + other[int(rng.integers(0, len(other))) :]
        case 3:
            return data[:at] + data[at:to] * int(rng.integers(2, 30)) + data[to:]
        case 4:
            return data[:at] + INSTRUCTIONS[rng.integers(0, len(INSTRUCTIONS))] + data[at + int(rng.integers(0, 3)) :]
        case 5:
            return data[:at] + data[to:]
        case _:
            place = data.find(b"K", at) + 1  # a small number: a place, a size or a stride
            return data[:place] + bytes([rng.integers(0, 8)]) + data[place + 1 :]


def repacked(data: bytes, table: bytes) -> bytes:
    """The archive with another table, and sums that fit it."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, table if info.filename.endswith("data.pkl") else old.read(info))
    return file.getvalue()


def test_mutated_files_are_refused_or_sound(torch):  # noqa: F811
    rng = np.random.default_rng(21)
    seeds = [stream(ARRAYS), archive(ARRAYS), stream({"a": np.zeros((2, 0, 3), np.float32), "b": np.array(1.5)})]
    table = zipfile.ZipFile(io.BytesIO(seeds[1])).read("any/data.pkl")
    accepted = 0
    tracemalloc.start()
    try:
        for k in range(N):
            data, other = (seeds[rng.integers(0, len(seeds))] for _ in range(2))
            if rng.random() < 0.3:
                data = repacked(seeds[1], mutate(rng, table, seeds[0], len(table)))
            else:
                for _ in range(rng.choice([1, 1, 2, 3])):
                    data = mutate(rng, data, other, len(table) + 200) or b"\x80"
            with within(SECONDS, 60 * len(data) + SLACK, f"input {k} of {len(data)} bytes"):
                try:
                    for array in parse_torch(data, "input").values():
                        assert array.copy().nbytes <= len(data)
                    accepted += 1
                except FormatError as error:
                    assert str(error).isprintable() and len(str(error)) < 1000
                except Exception as error:
                    raise AssertionError(f"input {k}: {type(error).__name__}, not FormatError") from error
    finally:
        tracemalloc.stop()
    assert N // 50 <= accepted <= N // 2
