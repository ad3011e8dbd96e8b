"""Progress for a person: a tqdm bar on a terminal where tqdm is there, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

QUIET = 5.0  # seconds between two plain lines


class Progress:
    """``with Progress(start, stop) as progress: progress.show(step, log, images_per_second)``; steps of one ``unit``."""

    def __init__(self, start: int, stop: int, unit: str = "step") -> None:
        self.stop, self.unit, self._shown, self._bar = stop, unit, 0.0, _bar(start, stop, unit)

    def show(self, step: int, log: dict[str, float], speed: float) -> None:
        losses = {
            name: f"{value:.3f}" for name, value in log.items() if name.startswith(("loss", "penalty", "L_", "ELBO"))
        }
        if self._bar is not None:
            self._bar.set_postfix({**losses, "images/s": f"{speed:.0f}"}, refresh=False)
            self._bar.update(step - self._bar.n)
        elif time.monotonic() - self._shown > QUIET or step == self.stop:
            self._shown = time.monotonic()
            words = "  ".join(f"{name} {value}" for name, value in losses.items())
            print(f"{self.unit} {step}/{self.stop}  {words}  {speed:.0f} images/s", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()


class NoProgress(Progress):
    """The same with nothing shown."""

    def __init__(self, start: int, stop: int, unit: str = "step") -> None:
        self._bar = None

    def show(self, step: int, log: dict[str, float], speed: float) -> None:
        pass


def _bar(start: int, stop: int, unit: str) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=stop, initial=start, unit=unit, dynamic_ncols=True)
