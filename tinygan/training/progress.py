"""Progress for a person: a tqdm bar on a terminal where tqdm is installed, plain lines otherwise. Both fit 80 columns."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, Self

QUIET = 5.0  # seconds between two plain lines
COLUMNS = 80
BAR = 6  # columns of the bar itself, at least, with its borders
ECHO = 2  # columns left free, for the ^C that a terminal shows
LOSSES = "loss", "penalty", "L_", "ELBO"  # beginnings of names in a log that are shown


class Progress:
    """``with Progress(start, stop) as progress: progress.show(step, log, images_per_second)``; steps of one ``unit``."""

    def __init__(self, start: int, stop: int, unit: str = "step") -> None:
        self.start, self.stop, self.unit = start, stop, unit
        self._step, self._printed, self._bar = start, 0.0, _bar(start, stop)
        self._since = start, time.monotonic()  # from where on the time left is reckoned

    def show(self, step: int, log: dict[str, float], speed: float) -> None:
        """The step reached, its losses, and how many images a second pass."""
        now, (first, began) = time.monotonic(), self._since
        tail = f"{speed:.0f} images/s"
        if self._step == self.start:  # the first steps also compile: how long the others take is not known yet
            self._since = step, now
        elif step > first:
            tail += f"  {duration((self.stop - step) * (now - began) / (step - first))} left"
        self._step = step
        head = f"{self.unit} {step}/{self.stop}"
        losses = [f"{name} {value:.3f}" for name, value in log.items() if name.startswith(LOSSES)]
        if self._bar is not None:
            width = shutil.get_terminal_size().columns - ECHO
            self._bar.ncols = width
            self._bar.set_description_str(fitted(head, losses, tail, width - BAR), refresh=False)
            self._bar.update(step - self._bar.n)
        elif now - self._printed > QUIET or step == self.stop:
            self._printed = now
            print(fitted(head, losses, tail, COLUMNS), file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """One line above the bar; nothing for an empty one."""
        if text:
            say(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Stopped early, no half bar stays, nor the ^C that a terminal shows."""
        stopped = self._step < self.stop
        if self._bar is not None:
            self._bar.leave = not stopped
            self._bar.close()
        if stopped and sys.stderr.isatty():
            print(end="\r\x1b[2K", file=sys.stderr, flush=True)


class NoProgress(Progress):
    """The same with nothing shown."""

    def __init__(self, start: int, stop: int, unit: str = "step") -> None:
        """Nothing to open."""

    def show(self, step: int, log: dict[str, float], speed: float) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def __exit__(self, *exception: object) -> None:
        """Nothing to close."""


def say(text: str) -> None:
    """One line on stderr, above the bar where there is one."""
    tqdm = sys.modules.get("tqdm")
    if tqdm and sys.stderr.isatty():
        tqdm.tqdm.write(text, file=sys.stderr)
    else:
        print(text, file=sys.stderr, flush=True)


def fitted(head: str, losses: list[str], tail: str, width: int) -> str:
    """The parts with two spaces between them, of the losses as many as fit."""
    shown = list(losses)
    while len(line := "  ".join([head, *shown, tail])) > width and shown:
        shown.pop()
    return line[:width]


def duration(seconds: float) -> str:
    """45 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _bar(start: int, stop: int) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    width = shutil.get_terminal_size().columns - ECHO
    return tqdm(total=stop, initial=start, ncols=width, bar_format="{desc} |{bar}|", desc="starting")
