"""Damaged files end in FormatError or in pixels: never in another exception, a long wait or a large allocation.

N mutated inputs of each format, N = TINYGAN_FUZZ (1000), the same for every run.
"""

import gzip
import io
import os
import struct
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tinygan.errors import FormatError
from tinygan.formats.idx import parse_idx
from tinygan.formats.png import parse_png

from ..limits import within

N = int(os.environ.get("TINYGAN_FUZZ", "1000"))
SECONDS = 1.0
SLACK = 2**17  # bytes: the state of zlib, the buffers of files, the interpreter
CAP = 2**16  # bytes, of the IDX reader
MAX_PIXELS = 2**12  # of the PNG reader, which promises 32 bytes a pixel
SIGNATURE = b"\x89PNG\r\n\x1a\n"
Rng = np.random.Generator


def number(rng: Rng) -> int:
    """32 bits, often at an edge."""
    edges = [0, 1, 2, 3, 2**8, 2**12, 2**14, 2**14 + 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
    return int(rng.choice(edges)) if rng.random() < 0.5 else int(rng.integers(0, 40))


def spoil(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Flipped bytes, a truncation, an insertion, a splice with another file, or a number written anywhere."""
    at = int(rng.integers(0, len(data) + 1))
    match rng.integers(0, 5):
        case 0:
            changed = bytearray(data)
            for place in rng.integers(0, max(1, len(data)), rng.integers(1, 6)):
                changed[place : place + 1] = rng.bytes(1)
            return bytes(changed)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at:]
        case 3:
            return data[:at] + other[int(rng.integers(0, len(other) + 1)) :]
        case _:
            return data[:at] + struct.pack(">I", number(rng)) + data[at + 4 :]


def idx_inputs(rng: Rng) -> Iterator[bytes]:
    def file() -> bytes:
        shape = rng.integers(0, 9, rng.integers(1, 5)).tolist()
        return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + rng.bytes(int(np.prod(shape)))

    while True:
        data, other = file(), file()
        if rng.random() < 0.3:
            size = 4 + 4 * int(rng.integers(0, data[3]))
            data = data[:size] + struct.pack(">I", number(rng)) + data[size + 4 :]
        if rng.random() < 0.7:
            data = spoil(rng, data, other)
        match rng.integers(0, 4):
            case 0:
                yield data
            case 1:
                yield gzip.compress(data, mtime=0)  # the changed payload, with a CRC that fits it
            case 2:
                yield spoil(rng, gzip.compress(data, mtime=0), gzip.compress(other, mtime=0))
            case _:
                yield gzip.compress(data + bytes(int(rng.integers(0, 2**18))), mtime=0)  # a bomb


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def repair(data: bytes) -> bytes:
    """The same file with the CRC of every whole chunk made right."""
    fixed, at = bytearray(data), 8
    while at + 12 <= len(fixed) and (end := at + 8 + int.from_bytes(fixed[at : at + 4], "big")) + 4 <= len(fixed):
        fixed[end : end + 4] = struct.pack(">I", zlib.crc32(fixed[at + 4 : end]))
        at = end + 4
    return bytes(fixed)


def png_inputs(rng: Rng) -> Iterator[bytes]:
    kinds = [
        (0, 1, 1),
        (0, 2, 1),
        (0, 8, 1),
        (0, 16, 1),
        (2, 8, 3),
        (2, 16, 3),
        (3, 1, 1),
        (3, 4, 1),
        (3, 8, 1),
        (4, 8, 2),
        (6, 16, 4),
    ]

    def chunks() -> list[tuple[bytes, bytes]]:
        colour, depth, channels = kinds[rng.integers(0, len(kinds))]
        width, height = rng.integers(1, 12, 2).tolist()
        row = (width * depth * channels + 7) // 8
        rows = b"".join(bytes([rng.integers(0, 5)]) + rng.bytes(row) for _ in range(height))
        fields = [width, height, depth, colour, 0, 0, 0]
        if rng.random() < 0.3:
            place = int(rng.integers(0, 7))
            fields[place] = number(rng) % (2**32 if place < 2 else 256)
        if rng.random() < 0.3:
            rows = spoil(rng, rows, rows)
        if rng.random() < 0.1:
            rows += bytes(int(rng.integers(0, 2**18)))  # a bomb
        packed = zlib.compress(rows)
        if rng.random() < 0.2:
            packed = spoil(rng, packed, packed)
        cut = int(rng.integers(0, len(packed) + 1))
        palette = [
            (b"PLTE", rng.bytes(int(rng.choice([3, 48, 768, 771, 5])))),
            (b"tRNS", rng.bytes(int(rng.integers(0, 5)))),
        ]
        header = struct.pack(">IIBBBBB", *fields)
        return [(b"IHDR", header), *palette, (b"IDAT", packed[:cut]), (b"IDAT", packed[cut:]), (b"IEND", b"")]

    def file(parts: list[tuple[bytes, bytes]]) -> bytes:
        return SIGNATURE + b"".join(chunk(*part) for part in parts)

    while True:
        parts = chunks()
        if rng.random() < 0.2:  # a chunk lost, doubled or moved
            place = int(rng.integers(0, len(parts)))
            part = parts.pop(place)
            for _ in range(rng.integers(0, 3)):
                parts.insert(int(rng.integers(0, len(parts) + 1)), part)
        data = file(parts)
        if rng.random() < 0.5:
            data = spoil(rng, data, file(chunks()))
        yield repair(data) if rng.random() < 0.5 else data


def survive(inputs: Iterator[bytes], read: Callable[[bytes], np.ndarray], bound: int) -> Counter:
    """What became of N inputs; raises what the reader should not, with the number of the input."""
    outcomes: Counter = Counter()
    tracemalloc.start()
    try:
        for k, data in zip(range(N), inputs, strict=False):
            with within(SECONDS, 2 * len(data) + bound + SLACK, f"input {k} of {len(data)} bytes"):
                try:
                    outcome = f"read {read(data).ndim}"
                except FormatError as error:
                    outcome = " ".join(word for word in str(error).split()[1:4] if word.isalpha())
                except Exception as error:
                    raise AssertionError(f"input {k}: {type(error).__name__}, not FormatError") from error
            outcomes[outcome] += 1
    finally:
        tracemalloc.stop()
    return outcomes


@pytest.mark.parametrize(
    ("inputs", "read", "bound"),
    [
        pytest.param(idx_inputs, lambda data: parse_idx(io.BytesIO(data), "input", max_bytes=CAP), CAP, id="idx"),
        pytest.param(
            png_inputs, lambda data: parse_png(data, "input", max_pixels=MAX_PIXELS), 32 * MAX_PIXELS, id="png"
        ),
    ],
)
def test_damaged_files_end_in_a_format_error_or_in_pixels(inputs, read, bound):
    outcomes = survive(inputs(np.random.default_rng(20)), read, bound)
    whole = sum(count for outcome, count in outcomes.items() if outcome.startswith("read"))
    assert 0.02 * N <= whole <= 0.6 * N  # the fuzz reaches the depths of the reader, and breaks files
    assert len(outcomes) >= 7
