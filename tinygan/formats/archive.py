"""Read the files in a folder or a zip archive by name, one at a time."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tinygan.errors import DataError, FormatError
from tinygan.formats.limits import MOST_PACKED

MAX_BYTES = 2**26  # of one file: 64 MiB; the largest file read here, CelebA's attributes, has 26.7 million
_ADVICE = "expected a zip archive, stored or deflated, not encrypted; download it again"


class Store(NamedTuple):
    """Files at ``path``: their sorted ``names``, with / between folders and without hidden files, and ``read``.

    ``read(name)`` returns a file's bytes. It raises DataError (missing) and FormatError (damaged). It is thread-safe.
    """

    path: Path
    names: list[str]
    read: Callable[[str], bytes]


def open_store(path: Path, *, depth: int = 2, max_bytes: int = MAX_BYTES) -> Store:
    """Open a folder or a zip archive. Of a folder, ``depth`` 1 lists its own files, 2 also those of its sub-folders.

    Reading a file of more than ``max_bytes`` is a FormatError. Raises DataError and FormatError.
    """
    return _folder(path, depth, max_bytes) if path.is_dir() else _zip(path, max_bytes)


def _folder(path: Path, depth: int, max_bytes: int) -> Store:
    def read(name: str) -> bytes:
        try:
            with (path / name).open("rb") as file:
                data = file.read(min(max_bytes, os.fstat(file.fileno()).st_size) + 1)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            raise DataError(
                f"cannot read {path / name}: {getattr(error, 'strerror', error)}; check the file"
            ) from error
        if len(data) > max_bytes:
            raise FormatError(f"{path / name}: is longer than {max_bytes} bytes; remove it")
        return data

    return Store(path, _below(path, depth), read)


def _below(path: Path, depth: int, before: str = "") -> list[str]:
    names = []
    for child in sorted(path.iterdir(), key=lambda child: child.name):
        if child.name.startswith("."):
            continue
        if child.is_file():
            names.append(before + child.name)
        elif depth > 1 and child.is_dir():
            names += _below(child, depth - 1, f"{before}{child.name}/")
    return names


def _zip(path: Path, max_bytes: int) -> Store:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FormatError(f"{path}: cannot be opened as a zip archive ({error}); {_ADVICE}") from error
    entries = {info.filename: info for info in archive.infolist() if _visible(info.filename)}

    def read(name: str) -> bytes:
        where = f"{path}, {name}"
        if name not in entries:
            raise DataError(f"{where}: is missing in the archive; add it")
        info = entries[name]
        packed, unpacked = info.compress_size, info.file_size
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
            raise FormatError(f"{where}: is compressed by method {info.compress_type} or encrypted; {_ADVICE}")
        if packed > path.stat().st_size or unpacked > min(max_bytes, MOST_PACKED * packed):
            raise FormatError(
                f"{where}: declares {packed} compressed and {unpacked} uncompressed bytes, too many; {_ADVICE}"
            )
        try:
            return archive.read(info)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError) as error:
            raise FormatError(f"{where}: is damaged ({error}); {_ADVICE}") from error

    return Store(path, sorted(entries, key=lambda name: name.split("/")), read)


def _visible(name: str) -> bool:
    return (
        name.isprintable()
        and bool(name.rpartition("/")[2])
        and not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    )
