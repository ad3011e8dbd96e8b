"""A file is there whole or not at all, whatever stops the program.

Order: write a temporary file in the same folder, flush, fsync it, rename it over the old file, fsync the folder.
The rename is atomic (POSIX rename(2)); the two fsyncs keep that promise through a power cut.
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
    """Let ``write`` fill a new file, then put it in the place of ``path`` in one move.

    If anything fails the old file is untouched and the temporary one is removed. The folder must exist.
    An error of the disk, or of ``write`` on its file, becomes a DataError; any other exception passes through.
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
        raise DataError(f"cannot write {path}: {reason}; expected a folder with room that can be written to") from error


def remove_stale(folder: str | Path) -> list[Path]:
    """Remove temporary files whose writer is gone (killed in the middle); return what was removed.

    A temporary file of a process that still runs is left to it. A folder that is not there holds none.
    """
    folder = Path(folder)
    removed = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _runs(int(match[1])):
            with contextlib.suppress(PermissionError):  # Windows: its writer still has it open
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


def _runs(pid: int) -> bool:
    """Is another process ``pid`` alive? Only POSIX can be asked, so elsewhere: no."""
    if os.name != "posix" or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # it is there and belongs to someone else
    return True


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last; only POSIX lets a folder be opened for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
