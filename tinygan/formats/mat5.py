"""MATLAB 5 files (The MathWorks, MAT-File Format, 1999 and later): numeric arrays by name.

The header has 128 bytes: text, the version 0x0100 at [124:126], and "MI" as a 16-bit number at [126:128], which shows the
byte order. Elements follow. An element is its type and length, 32 bits each, and its bytes, padded to a multiple of 8.
An element of at most 4 bytes may have length and type in 16 bits each and its bytes, 8 bytes in all. An element of type 15
contains another one, compressed by zlib, without padding. An array (type 14) consists of elements: flags (its class is in
the lowest byte), sizes, name, and its values column by column, in any numeric type that can represent them.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import DataError, FormatError
from tinygan.formats.limits import MOST_PACKED

MAX_BYTES = 2**31  # of one uncompressed array: 2 GiB
_MATRIX, _PACKED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC = range(6, 16)  # the classes double, single and integers; the others are cells, structures and text
_ADVICE = "expected a MATLAB 5 file of arrays; download it again"

_Element = tuple[int, memoryview]


class _Damage(Exception):
    """What is wrong with the file; the caller adds its name."""


def read_mat(path: Path) -> dict[str, Array]:
    """Read the numeric arrays of a file by name, with their sizes in MATLAB (at least two dimensions).

    Other variables (text, cells, structures) and imaginary parts are ignored. No more is decompressed than an element's
    header declares and than a file of this length can contain. Raises DataError (cannot be read) and FormatError (damaged).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; {_ADVICE}") from error
    try:
        order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
        if order is None or data[124:126] != struct.pack(f"{order}H", 0x0100):
            raise _Damage("does not have the header of a MATLAB 5 file")
        arrays = {}
        for element in _elements(memoryview(data)[128:], order):
            kind, body = _unpacked(element[1], order) if element[0] == _PACKED else element
            if kind == _MATRIX and (named := _matrix(body, order)):
                arrays[named[0]] = named[1]
        return arrays
    except (_Damage, struct.error, zlib.error) as error:
        raise FormatError(f"{path}: {error}; {_ADVICE}") from error


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from(f"{order}II", data, at)
        small = kind >> 16
        if small:
            kind, length, start = kind & 0xFFFF, small, at + 4
            at += 8
        else:
            start = at + 8
            at = start + length + (0 if kind == _PACKED else -length % 8)
        if start + length > len(data) or (small and small > 4):
            raise _Damage(f"declares an element of {length} bytes where {len(data) - start} are left")
        yield kind, data[start : start + length]


def _unpacked(body: memoryview, order: str) -> _Element:
    stream = zlib.decompressobj()
    head = stream.decompress(body, 8)
    kind, length = struct.unpack(f"{order}II", head)
    if kind != _MATRIX or length > min(MAX_BYTES, MOST_PACKED * len(body)):
        raise _Damage(f"declares a compressed element of type {kind} and {length} bytes in {len(body)}")
    data = stream.decompress(stream.unconsumed_tail, length) if length else b""
    if len(data) < length or stream.decompress(stream.unconsumed_tail, 1) or not stream.eof:
        raise _Damage(f"has a compressed element that is not the {length} bytes it declares")
    return kind, memoryview(data)


def _matrix(body: memoryview, order: str) -> tuple[str, Array] | None:
    """The name and values of an array; None if it is not numeric."""
    parts = list(islice(_elements(body, order), 4))
    if len(parts) < 4:
        return None  # an empty cell or structure
    flags, sizes, name, content = parts
    if len(flags[1]) != 8 or (struct.unpack(f"{order}I", flags[1][:4])[0] & 0xFF) not in _NUMERIC:
        return None
    if content[0] not in _NUMBERS or sizes[0] != 5 or len(sizes[1]) % 4 or not 8 <= len(sizes[1]) <= 128:
        raise _Damage(f"has a numeric array with values of type {content[0]} and sizes of type {sizes[0]}")
    kind = np.dtype(order + _NUMBERS[content[0]])
    shape = tuple(np.frombuffer(sizes[1], f"{order}i4").tolist())
    if min(shape) < 0 or math.prod(shape) * kind.itemsize != len(content[1]):
        raise _Damage(f"has an array of shape {shape} in {len(content[1])} bytes")
    if math.prod(n or 1 for n in shape) > MAX_BYTES:  # NumPy refuses very large sizes even if another is 0
        raise _Damage(f"has an array of shape {shape}, which is too large")
    return bytes(name[1]).decode("latin-1"), np.frombuffer(content[1], kind).reshape(shape, order="F")
