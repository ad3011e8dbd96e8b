"""The results of a case: measured rows, then aims, which are met or missed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


class Wrong(Exception):
    """A result is outside its bound, so the case is not timed; or a process of the case has failed."""


class Times(tuple[float, ...]):
    """The seconds of one entrant in each round."""

    @property
    def median(self) -> float:
        return statistics.median(self)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self) < 2:
            return self[0], self[0]
        low, _, high = statistics.quantiles(self, n=4, method="inclusive")
        return low, high

    @property
    def spread(self) -> float:
        """The interquartile range as a fraction of the median."""
        low, high = self.quartiles
        return (high - low) / self.median


def per_round(ours: Sequence[float], theirs: Sequence[float]) -> Times:
    """How many times faster ours was, per round, so both sides of a ratio were measured at nearly the same time."""
    return Times(b / a for a, b in zip(ours, theirs, strict=True))


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


@dataclass
class Row:
    """One comparison, or one figure: times by entrant, and figures computed from them."""

    what: str
    times: dict[str, Times] = field(default_factory=dict)
    ratio: Times | None = None  # ours against the fastest peer, per round
    against: str = ""
    figures: dict[str, float] = field(default_factory=dict)  # names include units
    notes: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line of text; ± is half the interquartile range."""
        parts = [f"{name} {t.median * 1e3:.2f} ms ±{t.spread * 50:.0f} %" for name, t in self.times.items()]
        if self.ratio is not None:
            low, high = self.ratio.quartiles
            parts.append(f"{self.ratio.median:.2f}x ({low:.2f} to {high:.2f}) {self.against}")
        parts += [f"{name} {format_value(value)}" for name, value in self.figures.items() if name != "FLOP/B"]
        return f"{self.what}: " + "; ".join(parts + self.notes)

    def record(self) -> dict[str, Any]:
        """The row as JSON values; times in milliseconds as [median, lower quartile, upper quartile]."""
        ms = {name: [round(1e3 * s, 4) for s in (t.median, *t.quartiles)] for name, t in self.times.items()}
        entry: dict[str, Any] = {"what": self.what}
        if ms:
            entry |= {"ms": ms, "rounds": len(next(iter(self.times.values())))}
        if self.ratio is not None:
            entry |= {"ratio": round(self.ratio.median, 4), "against": self.against}
        entry |= {name: rounded(value) for name, value in self.figures.items()}
        return entry | ({"notes": self.notes} if self.notes else {})


@dataclass(frozen=True)
class Aim:
    """A figure and its target. It counts as met without a target, or if it could not be measured (None)."""

    what: str
    got: float | None
    target: float | None = None
    most: bool = False  # the target is an upper bound, not a lower one
    unit: str = "x"

    @property
    def met(self) -> bool:
        if self.got is None or self.target is None:
            return True
        return self.got <= self.target if self.most else self.got >= self.target

    def words(self) -> str:
        got = "not measured" if self.got is None else f"{format_value(self.got)}{self.unit}"
        if self.target is None:
            return f"{self.what} {got} (no target)"
        sign = "<=" if self.most else ">="
        verdict = "" if self.got is None else ", met" if self.met else ", MISSED"
        return f"{self.what} {got} (target {sign} {format_value(self.target)}{self.unit}{verdict})"

    def record(self) -> dict[str, Any]:
        got = None if self.got is None else rounded(self.got)
        return {
            "what": self.what,
            "got": got,
            "target": self.target,
            "most": self.most,
            "unit": self.unit,
            "met": self.met,
        }


def rounded(value: float) -> float | None:
    """Five digits; None for NaN and infinity, which JSON does not have."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def format_value(value: float) -> str:
    """About three digits."""
    if value and abs(value) < 1e-2:
        return f"{value:.0e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
