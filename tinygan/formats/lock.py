"""Locks between processes: a process has the lock of a file for as long as it keeps the file open."""

from __future__ import annotations

import errno
from typing import IO, Any

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # a file system without locks, as some network ones are


def acquire(file: IO[Any], *, wait: bool = False) -> bool:
    """Take the lock of an open file; returns whether this process has it. With ``wait``, wait until it has.

    Where the system or the file system has no locks, every process gets it. Raises OSError where the file cannot be locked
    for another reason than that a process has it.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True
