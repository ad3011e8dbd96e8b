"""Pictures of results (matplotlib is imported here only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinygan.errors import UsageError


def bands(path: Path, rows: Mapping[str, Sequence[Sequence[float]]], label: str, title: str) -> None:
    """A line and a band for each row (low, middle, high), each over 1, 2, ...; logarithmic. Raises UsageError."""
    at = range(1, 1 + max(len(middle) for _, middle, _ in rows.values()))
    draw(path, at, rows, (5, 3.5), {"yscale": "log", "xlabel": label, "title": title})


def curves(
    path: Path,
    at: Sequence[float],
    rows: Mapping[str, Sequence[Sequence[float]]],
    marks: Sequence[float],
    words: tuple[str, str, str],
) -> None:
    """A line and a band for each row (low, middle, high) over ``at``, upright lines at ``marks``. Raises UsageError.

    ``words`` stand below, beside and above.
    """
    xlabel, ylabel, title = words
    draw(path, at, rows, (10, 3.5), {"xlabel": xlabel, "ylabel": ylabel, "title": title}, marks)


def draw(
    path: Path,
    at: Sequence[float],
    rows: Mapping[str, Sequence[Sequence[float]]],
    size: tuple[float, float],
    words: Mapping[str, Any],
    marks: Sequence[float] = (),
) -> None:
    """What the two above share: ``size`` in inches, ``words`` by matplotlib's names of what an axis has."""
    try:
        import matplotlib
    except ImportError as error:
        raise UsageError("pictures need matplotlib: pip install 'tinygan[plot]'") from error
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=size, layout="constrained")
    for mark in marks:
        axes.axvline(mark, color="0.85", linewidth=0.8)
    for name, (low, middle, high) in rows.items():
        axes.plot(at[: len(middle)], middle, label=name)
        axes.fill_between(at[: len(middle)], low, high, alpha=0.25)
    axes.set(**words)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
