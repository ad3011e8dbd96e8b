"""Named arrays in one file: the safetensors format, own reader and writer.

A file is 8 bytes, the length of the header, little endian; the header (`tinygan/safetensors_header.py`);
the tensors' bytes, C order, little endian.

The writer puts under ``tinygan.digest`` the SHA-256 of the whole file, taken with the digest's own 64 digits as zeros.
So the reader notices any change, in the header too. The digest guards against damage, not against forgery.
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
_MARK = "tinygan-sha256:"  # key and value both say that there is a digest: no single flipped bit hides it
_BLANK = b"0" * 64


def save(path: str | Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write ``tensors`` and ``metadata`` to ``path``, whole or not at all.

    Arrays of any memory order, stride and byte order are written by value; 0-d and empty ones too. The bytes are those
    of the official writer for the same tensors and metadata, digest included; it writes two or more metadata
    in an arbitrary order. Raises UsageError for what the format lacks (see ``safetensors_header``) and for metadata
    under ``tinygan.digest``; DataError if the disk refuses.
    """
    metadata = metadata or {}
    if _DIGEST in metadata:
        raise UsageError(f"no metadata can have the name {_DIGEST!r}; choose another")
    arrays = in_file_order(tensors)
    header = encode(arrays, {_DIGEST: _MARK + _BLANK.decode(), **metadata})  # the digest is first: its place is known
    prefix = len(header).to_bytes(8, "little")
    payload = [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    digest = _digest([prefix, header, *payload])

    def write(file: BinaryIO) -> None:
        file.write(prefix + header.replace(_BLANK, digest, 1))
        for data in payload:
            file.write(data)

    write_atomic(path, write)


def load(path: str | Path, *, digest: bool = False) -> tuple[dict[str, Array], dict[str, str]]:
    """Read ``path``: the tensors by name, in the order of the file, writable; and the metadata without the digest.

    All that the header declares is checked before a tensor is allocated. A digest is verified where there is one;
    ``digest=True`` demands one. Raises FormatError for a file that is not whole or not safetensors, DataError for one
    that is not there or cannot be read.
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
    """The body of ``load``; whatever is wrong with the file is a ValueError."""
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
            raise ValueError("its content does not fit its digest; a part has changed since it was written")
    return tensors, metadata


def _digest(parts: Iterable[bytes | memoryview]) -> bytes:
    """SHA-256 in 64 hexadecimal digits."""
    total = sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest().encode()
