"""Read PyTorch's files of named tensors (``torch.save(module.state_dict(), path)``), old and new, without PyTorch.

Until version 1.5 a file is a stream: pickles of a magic number, a version, the machine's byte order, the table of tensors
and the list of storage keys; then each storage in that order, as its length (8 bytes, little-endian) and its values.
Since 1.6 it is an uncompressed zip archive: ``NAME/data.pkl`` is the table, ``NAME/data/KEY`` has the values of a storage.
In the table a tensor is a call of ``_rebuild_tensor_v2(storage, offset, size, stride, ...)``, and a storage is a
persistent id ``("storage", type, key, location, length, ...)``.
Source: torch/serialization.py and torch/_utils.py of PyTorch 1.0 and 2.x.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array
from numpy.lib.stride_tricks import as_strided

from tinygan.errors import DataError, FormatError
from tinygan.formats.limits import MAX_RANK
from tinygan.formats.unpickle import Machine, unpickle

MAX_BYTES = 2**31  # of one file: 2 GiB
_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_ADVICE = "expected a PyTorch file of named tensors (torch.save of a state_dict); download it again"
_TYPES = "Float <f4, Double <f8, Half <f2, Long <i8, Int <i4, Short <i2, Char |i1, Byte |u1"
_DAMAGE: tuple[type[Exception], ...] = (ValueError, TypeError, LookupError, OverflowError, EOFError, OSError)
_DAMAGE += (RuntimeError, struct.error, zlib.error, zipfile.BadZipFile)


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_torch(path: str | Path, *, max_bytes: int = MAX_BYTES) -> dict[str, Array]:
    """The tensors of a file by name, as read-only arrays. Raises DataError (cannot be read) and FormatError (damaged)."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; expected a PyTorch file") from error
    if len(data) > max_bytes:
        raise FormatError(f"{path}: is longer than {max_bytes} bytes; {_ADVICE}")
    return parse_torch(data, str(path))


def parse_torch(data: bytes, name: str) -> dict[str, Array]:
    """The tensors by name in the bytes of a file, as views of ``data``. ``name`` is used in error messages.

    Nothing that the file refers to is imported or called, and memory is limited by the file's length. Raises FormatError.
    """
    try:
        table, blobs = _from_zip(data) if data[:2] == b"PK" else _from_stream(memoryview(data))
        if type(table) is not dict:
            raise ValueError("its pickle is not a table")
        return {key: _array(key, value, blobs) for key, value in table.items()}
    except _DAMAGE as error:
        what = str(error) if type(error) is ValueError else f"is damaged ({type(error).__name__}: {error})"
        what = " ".join(ascii(what[:200])[1:-1].split())  # zipfile may quote a large part of the file
        raise FormatError(f"{name}: {what}; {_ADVICE}") from error


def _from_stream(data: memoryview) -> tuple[Any, dict[_Storage, Array]]:
    wanted: dict[str, _Storage] = {}
    magic, at = _plain(data, 0)
    if magic != _MAGIC:
        raise ValueError("does not start with PyTorch's magic number")
    version, at = _plain(data, at)
    machine, at = _plain(data, at)
    if version != _VERSION or type(machine) is not dict or machine.get("little_endian") is not True:
        raise ValueError("is not a little-endian stream of version 1001")
    table, at = _table(data, at, wanted)
    keys, at = _plain(data, at)
    if type(keys) is not list or not all(type(key) is str for key in keys) or sorted(keys) != sorted(wanted):
        raise ValueError("its list of storages does not match its tensors")
    blobs = {}
    for storage in (wanted[key] for key in keys):
        (length,), size = struct.unpack("<q", data[at : at + 8]), storage.length * storage.dtype.itemsize
        if length != storage.length or at + 8 + size > len(data):
            raise ValueError(f"the storage {storage.key} is truncated or has another length than declared")
        blobs[storage] = np.frombuffer(data[at + 8 : at + 8 + size], storage.dtype)
        at += 8 + size
    if at != len(data):
        raise ValueError(f"goes on after its tensors, at byte {at}")
    return table, blobs


def _from_zip(data: bytes) -> tuple[Any, dict[_Storage, Array]]:
    left = len(data)  # entries may overlap, so their total is limited by the file's length

    def read(name: str) -> bytes:
        nonlocal left
        info = archive.getinfo(name)
        left -= info.file_size
        if info.compress_type != zipfile.ZIP_STORED or left < 0:
            raise ValueError(f"its part {name} is compressed or larger than the file")
        return archive.read(info)

    wanted: dict[str, _Storage] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        tables = [name for name in names if name.split("/")[1:] == ["data.pkl"]]
        if len(tables) != 1:
            raise ValueError(f"has {len(tables)} tables NAME/data.pkl, not one")
        root = tables[0].removesuffix("data.pkl")
        if f"{root}byteorder" in names and read(f"{root}byteorder") != b"little":
            raise ValueError("is not in little endian")
        table, _ = _table(memoryview(read(tables[0])), 0, wanted)
        blobs = {storage: np.frombuffer(read(f"{root}data/{key}"), storage.dtype) for key, storage in wanted.items()}
    for storage, blob in blobs.items():
        if len(blob) != storage.length:
            raise ValueError(f"has {len(blob)} numbers in the storage {storage.key}, declared {storage.length}")
    return table, blobs


def _plain(data: memoryview, at: int) -> tuple[Any, int]:
    return unpickle(data, at, {}, _MORE)


def _table(data: memoryview, at: int, wanted: dict[str, _Storage]) -> tuple[Any, int]:
    """The table with a _Tensor for each tensor. Their storages are added to ``wanted``."""

    def storage(value: Any) -> _Storage:
        kind, dtype, key, _, length, *view = value
        sound = kind == "storage" and isinstance(dtype, np.dtype) and type(key) is str and _naturals(length)
        if not sound or any(v is not None for v in view):
            raise ValueError(f"has the storage {_short(key)} of an unsupported kind")
        found = _Storage(key, dtype, length)
        if wanted.setdefault(key, found) != found:
            raise ValueError(f"has the storage {_short(key)} twice, with different types or lengths")
        return found

    known: dict[tuple[str, str], Any] = {("collections", "OrderedDict"): _new}
    known |= {("torch._utils", f"_rebuild_tensor{version}"): _rebuild for version in ("", "_v2")}
    for kind, code in (pair.split() for pair in _TYPES.split(", ")):
        known["torch", f"{kind}Storage"] = np.dtype(code)
    return unpickle(data, at, known, _MORE | {b"Q": lambda m: m.push(storage(m.pop(1)[0]))})


def _new() -> dict[Any, Any]:
    return {}


def _rebuild(storage: Any, offset: Any, shape: Any, stride: Any, *gradient: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, stride)


def _array(name: Any, tensor: Any, blobs: dict[_Storage, Array]) -> Array:
    """A view of a tensor's values, which must lie inside its storage and must not overlap."""
    if type(tensor) is not _Tensor or type(tensor.storage) is not _Storage or type(name) is not str:
        raise ValueError(f"holds {_short(name)}, which is not a tensor")
    storage, offset, shape, stride = tensor
    sound = type(shape) is tuple and type(stride) is tuple and len(shape) == len(stride) <= MAX_RANK
    if not sound or not _naturals(offset, *shape, *stride):
        raise ValueError(f"has {_short(name)} with an offset, shape or stride that is not of natural numbers")
    size, blob = math.prod(shape), blobs[storage]
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if size > len(blob) or (size and last >= len(blob)):
        raise ValueError(f"has {_short(name)} outside its storage of {len(blob)} numbers")
    width = blob.itemsize
    return as_strided(blob[offset:], shape, [width * step for step in stride], writeable=False)


def _short(name: Any) -> str:
    """A name for an error message; only texts are quoted, because a small nested tuple can have a very long repr."""
    return ascii(name)[:40] if type(name) is str else f"a {type(name).__name__}"


def _protocol(machine: Machine) -> None:
    if (number := machine.number("B")) != 2:
        raise ValueError(f"is a pickle of protocol {number}, not 2")


def _attributes(machine: Machine) -> None:
    """Ignore the attributes of a table's class; only its contents are kept."""
    table, _ = machine.pop(2)
    if type(table) is not dict:
        raise ValueError(f"sets attributes of an object that is not a table at byte {machine.at}")
    machine.push(table)


_MORE: dict[bytes, Callable[[Machine], None]] = {  # instructions of protocol 2 besides those for plain values
    b"\x80": _protocol,
    b"\x8a": lambda m: m.push(int.from_bytes(m.take(m.number("B")), "little", signed=True)),
    b"G": lambda m: m.push(m.number(">d")),
    b"b": _attributes,
}


def _naturals(*values: Any) -> bool:
    return all(type(value) is int and value >= 0 for value in values)
