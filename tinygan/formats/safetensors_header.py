"""The header of a safetensors file: encoding, and decoding with checks.

It is JSON, padded with spaces to a multiple of 8 bytes. Each tensor's name maps to its ``dtype``, its ``shape`` and its
``data_offsets`` [begin, end) in bytes from the end of the header; ``__metadata__`` maps texts to texts. The tensors are
contiguous, without gaps and overlaps. Source: huggingface/safetensors 0.8.0, tensor.rs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.formats.limits import MAX_RANK

MAX_HEADER = 2**19  # bytes; the format allows 100,000,000, for which Python's JSON can need 24 s and 2.5 GB
MAX_TENSORS = 4096  # a header of 100,000 tensors would keep the reader busy for a long time
MAX_BYTES = 2**63 - 1

_WIDEST_FIRST = (
    "U64 <u8, I64 <i8, F64 <f8, C64 <c8, F32 <f4, U32 <u4, I32 <i4, F16 <f2, U16 <u2, I16 <i2, I8 |i1, U8 |u1, BOOL |b1"
)
DTYPES = {name: np.dtype(code) for name, code in (pair.split() for pair in _WIDEST_FIRST.split(", "))}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class TensorEntry(NamedTuple):
    """One tensor: its type and shape, and its bytes [begin, end) after the header."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def in_file_order(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays in C order and little-endian, sorted like the official writer: widest dtype first, then by name.

    Shapes are kept, also 0-d. Raises UsageError for a dtype that the format does not support.
    """
    ready = {}
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<")
        if dtype not in _NAMES:
            raise UsageError(f"{short(name)} has dtype {array.dtype}; expected one of {', '.join(DTYPES)}; convert it")
        ready[name] = np.asarray(array, dtype, order="C")
    ranks = list(_NAMES)
    return dict(sorted(ready.items(), key=lambda item: (ranks.index(item[1].dtype), item[0])))


def encode(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The header for ``arrays`` in file order.

    Raises UsageError for a name or metadata that is not Unicode text, for the name ``__metadata__``, for more than
    MAX_TENSORS tensors, and for a header of more than MAX_HEADER bytes.
    """
    if "__metadata__" in arrays:
        raise UsageError("no tensor can have the name '__metadata__'; choose another")
    if not all(isinstance(text, str) for text in (*arrays, *metadata, *metadata.values())):
        raise UsageError("names and metadata of a safetensors file must be texts; convert other values with str()")
    table: dict[str, object] = {"__metadata__": dict(metadata)}
    begin = 0
    for name, array in arrays.items():
        end = begin + array.nbytes
        table[name] = {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": (begin, end)}
        begin = end
    try:
        header = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"a name or metadata is not Unicode text ({error.reason}); choose another") from error
    header += b" " * (-len(header) % 8)
    if len(arrays) > MAX_TENSORS or len(header) > MAX_HEADER:
        raise UsageError(
            f"{len(arrays)} tensors and a header of {len(header)} bytes; expected at most {MAX_TENSORS} tensors "
            f"and {MAX_HEADER} bytes; put several arrays into one, or shorten the metadata"
        )
    return header


def decode(header: bytes, size: int) -> tuple[list[TensorEntry], dict[str, str]]:
    """The tensors in the order of their bytes, and the metadata. ``size`` is the number of bytes after the header.

    Raises ValueError, in one line, for a header that ``encode`` cannot have written, except for the order of names and
    for JSON spacing.
    """
    if header[:1] != b"{":
        raise ValueError("its header does not start with '{'")
    try:
        table = json.loads(header.decode(), object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("its header nests too deeply; expected three levels") from None
    metadata = table.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise ValueError("its __metadata__ is not a table of texts")
    for text in metadata.values():
        text.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    if len(table) > MAX_TENSORS:
        raise ValueError(f"it has {len(table)} tensors; expected at most {MAX_TENSORS}")

    entries = sorted((_entry(name, value) for name, value in table.items()), key=lambda entry: entry[3:])
    position = 0
    for entry in entries:
        if entry.begin != position:
            raise ValueError(f"{short(entry.name)} begins at byte {entry.begin}; expected {position}")
        position = entry.end
    if position != size:
        raise ValueError(f"its tensors end at byte {position}; expected {size}, the end of the file")
    return entries, metadata


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("its header has a key twice")
    for key in table:
        key.encode()
    return table


def _entry(name: str, value: object) -> TensorEntry:
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{short(name)} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{short(name)} has dtype {short(dtype)}; expected one of {', '.join(DTYPES)}")
    if not _naturals(shape) or len(shape) > MAX_RANK or not _naturals(offsets) or len(offsets) != 2:
        raise ValueError(f"{short(name)} has shape {short(shape)} and data_offsets {short(offsets)}")
    width = DTYPES[dtype].itemsize
    if width * math.prod(max(extent, 1) for extent in shape) > MAX_BYTES:
        raise ValueError(f"{short(name)} has shape {short(shape)}, more than a computer can address")
    begin, end = offsets
    if end - begin != width * math.prod(shape):
        raise ValueError(f"{short(name)} has {end - begin} bytes; {dtype} of shape {short(shape)} needs another number")
    return TensorEntry(name, DTYPES[dtype], tuple(shape), begin, end)


def _naturals(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item <= MAX_BYTES for item in value)


def short(value: object) -> str:
    """A value of a file for an error message: one line of at most 60 characters."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
