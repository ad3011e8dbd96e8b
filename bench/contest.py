"""One comparison and its row: warm up all entrants, drop slow peers, time the others in turn.

The ratio is against the fastest peer. GFLOP/s count the operations of the direct form, and GB/s count each array once, so two
forms of one operation compare by time. The fraction of the ceiling is the median over rounds of the rate in a round over the
ceiling in the same round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.ceiling import ceiling
from bench.load import BUSY, Others
from bench.ours import Options
from bench.race import CHEAP, KEPT, Call, heat, race, rounds_for
from bench.rows import Row, Times, per_round

CEILING, OTHERS = "ceiling", "other processes, of all cores"


@dataclass(frozen=True)
class CallCost:
    """The operations and the memory traffic of one call."""

    flop: float = 0.0
    bytes: float = 0.0


def contest(what: str, ours: Mapping[str, Call], peers: Mapping[str, Call], options: Options, work: CallCost) -> Row:
    """Time ``ours`` and ``peers``. The ratio is that of the last entry of ``ours`` (the form that the backend chooses)."""
    heats = heat(ours)
    slow = heat(peers)
    fast = {name: call for name, call in peers.items() if slow[name] <= max(CHEAP, KEPT * min(slow.values()))}
    calls = {**ours, **fast}
    limit = ceiling(options.threads)
    beside = {CEILING: limit.burst} if limit else {}
    others = Others()
    times = race({**calls, **beside}, rounds_for(heats | {name: slow[name] for name in fast}, options.rounds))
    share = others.share()
    bursts = times.pop(CEILING, None)
    row = Row(what, times)
    chosen = [*ours][-1]
    if fast:
        row.against = min(fast, key=lambda name: times[name].median)
        row.ratio = per_round(times[chosen], times[row.against])
    if work.flop:
        row.figures["GFLOP/s"] = work.flop / times[chosen].median / 1e9
        if work.bytes:
            row.figures["GB/s"] = work.bytes / times[chosen].median / 1e9
            row.figures["FLOP/B"] = work.flop / work.bytes
    if work.flop and limit and bursts:
        row.figures["ceiling GFLOP/s"] = limit.flop / bursts.median / 1e9
        for name in ours:
            row.figures[f"{name} of ceiling"] = fraction(work.flop, times[name], limit.flop, bursts)
    if share is not None:
        row.figures[OTHERS] = share
    if share is not None and share > BUSY:
        row.notes.append("the machine is BUSY: repeat this")
    left = [f"{name} {seconds * 1e3:.1f} ms" for name, seconds in slow.items() if name not in fast]
    row.notes += [f"slower in the heat: {', '.join(left)}"] if left else []
    return row


def fraction(flop: float, times: Times, flop_of_burst: float, bursts: Times) -> float:
    """The median over rounds of (flop / time) / (the ceiling in that round)."""
    return Times((flop / t) / (flop_of_burst / b) for t, b in zip(times, bursts, strict=True)).median
