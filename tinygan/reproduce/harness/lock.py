"""One process at a time: for a job of a table, and for a training that several jobs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinygan.formats.lock import acquire


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether this process has the lock at ``path``, until the end of the block or of the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        yield acquire(file)
