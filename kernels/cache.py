"""The folder of compiled kernels, and listeners that are called after compiling."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
listeners: list[
    Callable[[str, float], None]
] = []  # each is called after a kernel was compiled, with the backend's name and the seconds it took


def compiled(backend: str, make: Callable[[], T]) -> T:
    """What ``make`` compiles, for a backend; the listeners are called after it."""
    began = time.perf_counter()
    made = make()
    for listen in listeners:
        listen(backend, time.perf_counter() - began)
    return made


def cache_folder() -> Path | None:
    """$TINYGAN_CACHE, else the user's cache; None where there is neither."""
    asked, shared = (os.environ.get(name, "") for name in ("TINYGAN_CACHE", "XDG_CACHE_HOME"))
    if asked:
        return Path(asked).absolute()
    if Path(shared).is_absolute():
        return Path(shared) / "tinygan"
    try:
        return Path.home() / ".cache" / "tinygan"
    except RuntimeError:  # a user without a home
        return None
