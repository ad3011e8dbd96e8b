"""File locks: only one process at a time runs a job, or a training that several jobs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinygan.formats.lock import acquire


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Try to lock ``path``; yields whether this succeeded. The lock is released at the end, or when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        yield acquire(file)
