"""Atomic writes: a file is complete or absent, even if the program is killed or the power fails.

The steps are: write a temporary file in the same folder, flush it, fsync it, rename it over the old file, fsync the
folder. The rename is atomic (POSIX rename(2)). The two calls of fsync make it last through a power failure.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tinygan.errors import DataError

_TEMPORARY = re.compile(r"\..+\.tmp-(\d+)-[0-9a-f]{8}")


def write_atomic(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a new file by ``write(file)``, then rename it to ``path``.

    If anything fails, the old file is unchanged and the temporary file is removed. The folder must exist.
    Raises DataError for an OSError, also one raised in ``write``. Other exceptions pass through.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        try:
            with temporary.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot write {path}: {reason}; expected a writable folder with free space") from error


def remove_stale(folder: str | Path) -> list[Path]:
    """Remove temporary files of processes that were killed; returns the removed paths.

    Temporary files of running processes are kept. A missing folder counts as empty.
    """
    folder = Path(folder)
    removed = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _runs(int(match[1])):
            with contextlib.suppress(PermissionError):  # Windows: its process still has it open
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


def _runs(pid: int) -> bool:
    """Is ``pid`` another running process? Always false on systems other than POSIX, which cannot tell."""
    if os.name != "posix" or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # it runs and belongs to another user
    return True


def _sync_folder(folder: Path) -> None:
    """Flush a rename in ``folder`` to disk. Only POSIX can open a folder for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
