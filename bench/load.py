"""The load that other processes put on the processor during a comparison.

Ratios on a busy machine are misleading. A library that divides the work into fixed parts (OpenMP, so PyTorch) waits for its
slowest thread and loses five times as much as one whose threads take parts when they are free.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

STAT = Path("/proc/stat")
BUSY = 0.1  # fraction of the processor above which a row is marked


def ticks() -> float:
    """Busy seconds of all cores, for all processes and including stolen time of a virtual machine; Linux only."""
    _, user, nice, system, _, _, irq, softirq, steal, *_ = STAT.read_text().split(maxsplit=11)[:10]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / os.sysconf("SC_CLK_TCK")


class Others:
    """``share()`` is the load by other processes since the start, as a fraction of all cores; None if it is unknown."""

    def __init__(self) -> None:
        self.start = self.now() if STAT.exists() else None

    def now(self) -> tuple[float, float, float]:
        return perf_counter(), ticks(), sum(os.times()[:4])

    def share(self) -> float | None:
        if self.start is None:
            return None
        seconds, busy, own = (b - a for a, b in zip(self.start, self.now(), strict=True))
        return max(0.0, busy - own) / (seconds * (os.cpu_count() or 1))
