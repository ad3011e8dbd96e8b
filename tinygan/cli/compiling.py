"""Why the first command takes longer: kernels are compiled once, then kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0  # seconds of compiling that need no explanation
WHOLE = {"jit": ", about 12 s"}  # all kernels of one system: gan 3 s, dcgan 9 s, cyclegan 13 s of an AMD EPYC's core


@contextmanager
def told_of_compiling() -> Iterator[None]:
    """Within it the user is told, once, that kernels are being compiled, where that takes long."""
    from tinygan.kernels.cache import listeners
    from tinygan.training.progress import say

    spent = 0.0

    def listen(backend: str, seconds: float) -> None:
        nonlocal spent
        before, spent = spent, spent + seconds
        if before <= PATIENCE < spent:
            say(f"compiling kernels (once{WHOLE.get(backend, '')})")

    listeners.append(listen)
    try:
        yield
    finally:
        listeners.remove(listen)
