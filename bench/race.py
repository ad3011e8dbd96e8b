"""Timing: A B A B ... in one process, so that a machine whose clock moves moves it under everyone.

A timed call comes after an untimed one of the same entrant: its threads are awake, its arrays are in the cache, and those
of the entrant before it have gone to sleep. Medians and quartiles over rounds; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from bench.rows import Times

Call = Callable[[], Any]
SECONDS, LEAST, MOST = 10.0, 5, 25  # a race's length, and its rounds
KEPT, CHEAP = (
    1.6,
    5e-3,
)  # peers so much slower than the fastest peer run no further than the heat, if over so many seconds
HEATS = 3


def once(call: Call) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def heat(calls: Mapping[str, Call]) -> dict[str, float]:
    """The least of a few calls of each: the warm-up, and who is worth racing."""
    return {name: min(once(call) for _ in range(HEATS)) for name, call in calls.items()}


def race(calls: Mapping[str, Call], rounds: int) -> dict[str, Times]:
    """Seconds of each entrant in each round."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            seconds[name].append(once(call))
    return {name: Times(s) for name, s in seconds.items()}


def rounds_for(heats: Mapping[str, float], wanted: int | None) -> int:
    """As asked, or as many as fit."""
    return wanted or max(LEAST, min(MOST, int(SECONDS / (2 * sum(heats.values())))))
