"""Read files from a tar archive, gzipped or not (POSIX.1-1988 ustar), in one pass and with limited memory.

A file is a block of 512 bytes (name [0:100], size in octal [124:136], checksum [148:156], type [156], prefix [345:500])
and its contents, padded to whole blocks. A block of zeros ends the archive.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tinygan.errors import DataError, FormatError

_BLOCK = 512
_STEP = 2**16
_TAIL = 2**16  # bytes of padding after the end; tar writes less than 10,240
_ADVICE = "expected a whole tar archive, gzipped or not; download it again"


def read_tar(path: Path, wanted: Callable[[str], bool], max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """The regular files (name, bytes) for which ``wanted(name)`` is true, in archive order.

    Other entries (folders, links, long names) are ignored. Raises DataError (cannot be read) and FormatError (damaged, or
    a wanted file of more than ``max_bytes``).
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield from _files(gzip.GzipFile(fileobj=raw) if packed else raw, path, wanted, max_bytes)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: its gzip stream is damaged ({error}); {_ADVICE}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; {_ADVICE}") from error


def _files(stream: object, path: Path, wanted: Callable[[str], bool], max_bytes: int) -> Iterator[tuple[str, bytes]]:
    read: Callable[[int], bytes] = stream.read  # type: ignore[attr-defined]
    while (block := read(_BLOCK)).strip(b"\0"):
        name, size = _header(block, path)
        if block[156:157] in b"0\0" and wanted(name):
            if size > max_bytes:
                raise FormatError(f"{path}: {name!r} has {size} bytes, expected at most {max_bytes}; {_ADVICE}")
            data = take(read, size)
            if len(data) < size:
                raise FormatError(f"{path}: ends inside {name!r}; {_ADVICE}")
            yield name, data
            size = -size % _BLOCK
        else:
            size += -size % _BLOCK
        while size > 0:
            passed = len(read(min(size, _STEP)))
            if not passed:
                raise FormatError(f"{path}: ends after {name!r}; {_ADVICE}")
            size -= passed
    if len(block) < _BLOCK:
        raise FormatError(f"{path}: ends without the block of zeros; {_ADVICE}")
    if len(take(read, _TAIL + 1)) > _TAIL:  # reads to the end, where gzip checks its checksum
        raise FormatError(f"{path}: continues after the end of the archive; {_ADVICE}")


def _header(block: bytes, path: Path) -> tuple[str, int]:
    name, prefix = (part.split(b"\0")[0].decode("latin-1") for part in (block[:100], block[345:500]))
    try:
        size, checksum = (int(block[a:b].strip(b" \0") or b"0", 8) for a, b in ((124, 136), (148, 156)))
    except ValueError:
        size = checksum = -1
    if len(block) < _BLOCK or size < 0 or checksum != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        raise FormatError(f"{path}: has a damaged header; {_ADVICE}")
    return f"{prefix}/{name}" if prefix and block[257:262] == b"ustar" else name, size


def take(read: Callable[[int], bytes], size: int) -> bytes:
    """Read ``size`` bytes, or fewer at the end of the stream, in small steps because a stream copies each step."""
    data = bytearray()
    while len(data) < size and (part := read(min(size - len(data), _STEP))):
        data += part
    return bytes(data)
