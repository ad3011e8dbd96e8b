"""Named arrays in one file: a reader and a writer of the safetensors format.

A file consists of the length of the header in 8 bytes, little-endian; the header (``safetensors_header.py``); and the
values of the tensors in C order, little-endian.

The writer stores the SHA-256 of the whole file as metadata ``tinygan.digest``. It is computed with zeros in place of its
own 64 digits, so the reader detects any change, also in the header. It protects against damage, not against forgery.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tinygan.errors import DataError, FormatError, UsageError
from tinygan.formats.atomic import write_atomic
from tinygan.formats.safetensors_header import MAX_HEADER, Array, decode, encode, in_file_order, short

_DIGEST = "tinygan.digest"
_MARK = "tinygan-sha256:"  # in key and value, so that one flipped bit cannot hide the digest
_BLANK = b"0" * 64


def save(path: str | Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write ``tensors`` and ``metadata`` to ``path`` atomically.

    Arrays may have any memory order, strides and byte order, and may be 0-d or empty. The file equals that of the
    official writer for the same tensors and metadata including the digest, except that the official writer puts two or
    more metadata entries in an arbitrary order. Raises UsageError for what the format does not support (see
    ``safetensors_header``) and for metadata called ``tinygan.digest``; DataError if the file cannot be written.
    """
    metadata = metadata or {}
    if _DIGEST in metadata:
        raise UsageError(f"no metadata can have the name {_DIGEST!r}; choose another")
    arrays = in_file_order(tensors)
    header = encode(
        arrays, {_DIGEST: _MARK + _BLANK.decode(), **metadata}
    )  # the digest comes first, at a known position
    prefix = len(header).to_bytes(8, "little")
    payload = [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    digest = _digest([prefix, header, *payload])

    def write(file: BinaryIO) -> None:
        file.write(prefix + header.replace(_BLANK, digest, 1))
        for data in payload:
            file.write(data)

    write_atomic(path, write)


def load(path: str | Path, *, digest: bool = False) -> tuple[dict[str, Array], dict[str, str]]:
    """Read ``path``: the tensors by name in file order, as writable arrays, and the metadata without the digest.

    The header is checked before any tensor is allocated. A digest is verified if there is one; ``digest=True`` requires
    one. Raises FormatError (damaged, or not safetensors) and DataError (cannot be read).
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise DataError(f"cannot read {path}: it is not a file; check the path")
        with path.open("rb") as file:
            return _read(file, digest)
    except DataError:
        raise
    except ValueError as error:
        raise FormatError(
            f"{path} is not a whole safetensors file: {error}; copy it again or take another one"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; expected a file that can be read") from error


def _read(file: BufferedReader, digest: bool) -> tuple[dict[str, Array], dict[str, str]]:
    """Parse an open file for ``load``. Raises ValueError for any damage."""
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if 8 + length > size:
        raise ValueError(f"it has {size} bytes; expected at least 8 + {length} for its header")
    if length > MAX_HEADER:
        raise ValueError(f"its header has {length} bytes; expected at most {MAX_HEADER}")
    header = file.read(length)
    entries, metadata = decode(header, size - 8 - length)
    has_digest = _DIGEST in metadata or any(text.startswith(_MARK) for text in metadata.values())
    if digest and not has_digest:
        raise ValueError("it has no digest; expected one, as in every file that tinygan writes")

    tensors, payload = {}, []
    for entry in entries:
        flat = np.empty(math.prod(entry.shape), entry.dtype)
        data = flat.view(np.uint8)
        if file.readinto(data.data) != data.size:
            raise ValueError("it became shorter while it was read")
        if entry.dtype == np.bool_ and np.any(data > 1):
            raise ValueError(f"{short(entry.name)} holds a byte above 1; expected booleans")
        tensors[entry.name] = flat.reshape(entry.shape)
        payload.append(data.data)
    if has_digest:
        stored = metadata.pop(_DIGEST, "").removeprefix(_MARK).encode()
        if stored != _digest([prefix, header.replace(stored, _BLANK, 1), *payload]):
            raise ValueError("its content does not match its digest; a part has changed since it was written")
    return tensors, metadata


def _digest(parts: Iterable[bytes | memoryview]) -> bytes:
    """SHA-256 in 64 hexadecimal digits."""
    total = sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest().encode()
