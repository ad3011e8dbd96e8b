"""The header of a .npy file (NumPy Enhancement Proposal 1).

A file starts with a magic number, a version, the length of the header (little-endian, 2 bytes in version 1, 4 in version 2) and
the header, a Python literal with dtype, order and shape. The values follow. The header is matched against the form in which
NumPy writes it and is never evaluated.
"""

from __future__ import annotations

import re
from io import BufferedIOBase
from typing import NamedTuple

_MAX_HEADER = 2**16  # bytes; NumPy writes 128 for a numeric array
_HEADER = re.compile(
    rb"\{\s*'descr':\s*'([<>=|]?\w{1,9})',\s*'fortran_order':\s*(True|False),\s*"
    rb"'shape':\s*\(((?:\d{1,18},\s?)*(?:\d{1,18})?)\),?\s*\}\s*"
)


class NpyHeader(NamedTuple):
    """The dtype as NumPy's code (such as "<f4"), the order, the shape, and the position of the first value in bytes."""

    descr: str
    fortran: bool
    shape: tuple[int, ...]
    start: int


def read_npy_header(file: BufferedIOBase) -> NpyHeader:
    """Read the header of one array from the start of an open file. Raises ValueError with what is wrong."""
    magic = file.read(8)
    digits = {1: 2, 2: 4}.get(magic[6]) if len(magic) == 8 and magic.startswith(b"\x93NUMPY") else None
    if digits is None:
        raise ValueError("is not a .npy file of version 1 or 2")
    length = int.from_bytes(file.read(digits), "little")
    text = file.read(min(length, _MAX_HEADER))
    header = _HEADER.fullmatch(text)
    if header is None:
        raise ValueError(f"its header {text[:80]!r} is not one of a numeric array")
    descr, fortran, sizes = (part.decode("ascii") for part in header.groups())
    return NpyHeader(
        descr, fortran == "True", tuple(int(n) for n in sizes.split(",") if n.strip()), 8 + digits + length
    )
