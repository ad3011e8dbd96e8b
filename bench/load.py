"""How much of the processor other processes use while a race runs.

On a busy machine ratios mislead: a side whose threads wait for each other in a fixed division of the work (OpenMP, so PyTorch)
loses far more than its share, five times and more, than one whose threads take parts as they are free.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

STAT = Path("/proc/stat")
BUSY = 0.1  # of the processor: a row above it says so


def ticks() -> float:
    """Seconds in which the cores did anything, for anyone, a virtual machine's neighbours included; Linux only."""
    _, user, nice, system, _, _, irq, softirq, steal, *_ = STAT.read_text().split(maxsplit=11)[:10]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / os.sysconf("SC_CLK_TCK")


class Others:
    """``share()``: what others used since the start, as a fraction of all cores; None where it cannot be known."""

    def __init__(self) -> None:
        self.start = self.now() if STAT.exists() else None

    def now(self) -> tuple[float, float, float]:
        return perf_counter(), ticks(), sum(os.times()[:4])

    def share(self) -> float | None:
        if self.start is None:
            return None
        seconds, busy, own = (b - a for a, b in zip(self.start, self.now(), strict=True))
        return max(0.0, busy - own) / (seconds * (os.cpu_count() or 1))
