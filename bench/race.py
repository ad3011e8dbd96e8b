"""Timing of several entrants in turn, A B A B ..., in one process, so that changes of the clock rate affect all of them.

Each timed call follows an untimed call of the same entrant. So its threads are awake, its arrays are in the cache, and the
threads of the previous entrant sleep. Results are medians and quartiles over rounds. A ratio is the median of ratios per round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from bench.rows import Times

Call = Callable[[], Any]
SECONDS, LEAST, MOST = 10.0, 5, 25  # duration of a comparison, and limits of its rounds
KEPT, CHEAP = (
    1.6,
    5e-3,
)  # a peer KEPT times slower than the fastest one is dropped after the warm-up, if it takes more than CHEAP seconds
HEATS = 3


def once(call: Call) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def heat(calls: Mapping[str, Call]) -> dict[str, float]:
    """The minimum of a few calls of each entrant, as a warm-up and to select those worth timing."""
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
    """The number of rounds: ``wanted``, or as many as fit."""
    return wanted or max(LEAST, min(MOST, int(SECONDS / (2 * sum(heats.values())))))
