"""IDX, the file format of MNIST (LeCun, Cortes and Burges 1998), for uint8 arrays, raw or gzipped.

The header is 0, 0, 8 (meaning uint8), the number D of dimensions (1 to 4) and D sizes, 32 bits each, big-endian. Then
come the values.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import DataError, FormatError, ShapeError
from tinygan.formats.atomic import write_atomic
from tinygan.formats.limits import MOST_PACKED

MAX_BYTES = 2**28  # of one unpacked array: 256 MiB
_ADVICE = "expected an IDX file of bytes, raw or gzipped; download it again"


def read_idx(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Array:
    """Read an IDX file: a uint8 array of 1 to 4 dimensions. Raises DataError (cannot be read) and FormatError (damaged)."""
    try:
        with Path(path).open("rb") as file:
            return parse_idx(file, str(path), max_bytes=max_bytes)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; expected an IDX file") from error


def parse_idx(file: io.BufferedIOBase, name: str, *, max_bytes: int = MAX_BYTES) -> Array:
    """Parse an open IDX file; ``name`` is used in error messages. Raises FormatError.

    The declared sizes are checked against ``max_bytes`` and the file's length before memory is allocated, and no more
    than the declared size is decompressed.
    """
    limit = file.seek(0, os.SEEK_END)
    file.seek(0)
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream = gzip.GzipFile(fileobj=file) if packed else file
    try:
        shape = _read_shape(stream, name)
        size = math.prod(shape)
        if math.prod(n or 1 for n in shape) > max_bytes:  # NumPy refuses very large sizes even if another is 0
            raise FormatError(f"{name}: declares the sizes {shape}, more than {max_bytes} bytes; {_ADVICE}")
        if size > limit * (MOST_PACKED if packed else 1):
            raise FormatError(f"{name}: declares {size} bytes {shape} but holds only {limit}; {_ADVICE}")
        array = np.empty(size, np.uint8)
        got = _fill(stream, array.data)
        if got < size:
            raise FormatError(f"{name}: ends after {got} of the {size} bytes it declares {shape}; {_ADVICE}")
        if stream.read(1):
            raise FormatError(f"{name}: goes on after the {size} bytes it declares {shape}; {_ADVICE}")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{name}: its gzip stream is damaged ({error}); {_ADVICE}") from error
    return array.reshape(shape)


def write_idx(path: str | Path, array: Array) -> None:
    """Write a uint8 array of 1 to 4 dimensions, gzipped if the name ends in .gz. Raises ShapeError and DataError."""
    if array.dtype != np.uint8 or not 1 <= array.ndim <= 4:
        raise ShapeError(f"write_idx: expected uint8 of 1 to 4 dimensions: {array.dtype} {array.shape}")
    payload = _header(array.shape) + array.tobytes()
    data = gzip.compress(payload, mtime=0) if str(path).endswith(".gz") else payload
    write_atomic(path, lambda file: file.write(data))


def digest(array: Array) -> str:
    """SHA-256 of the uncompressed IDX file of ``array``, so the hash does not depend on the gzip program."""
    state = hashlib.sha256(_header(array.shape))
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def _header(shape: tuple[int, ...]) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)


def _read_shape(stream: io.BufferedIOBase, name: str) -> tuple[int, ...]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise FormatError(f"{name}: starts with the bytes '{magic.hex(' ')}', not '00 00 08' and 1 to 4; {_ADVICE}")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise FormatError(f"{name}: ends inside its header; {_ADVICE}")
    return struct.unpack(f">{magic[3]}I", sizes)


def _fill(stream: io.BufferedIOBase, view: memoryview, step: int = 2**14) -> int:
    """Read into ``view`` in small steps, because a gzip stream copies each step; returns the number of bytes read."""
    got = 0
    while got < len(view) and (read := stream.readinto(view[got : got + step])):
        got += read
    return got
