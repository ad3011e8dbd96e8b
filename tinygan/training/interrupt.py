"""Ctrl-C and SIGTERM end a training after its step, which is saved; a second signal ends the process at once."""

from __future__ import annotations

import signal
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Self


class Interrupt:
    """``with Interrupt() as stop``: true once a signal has come; ``stop.code`` is the exit code for it, 128 + its number.

    Only the main thread can take signals; in another one nothing interrupts.
    """

    def __init__(self) -> None:
        self.code = 0
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.code != 0

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM) if current_thread() is main_thread() else ():
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.code:
            raise SystemExit(128 + number)
        self.code = 128 + number
