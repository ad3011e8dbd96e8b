"""Pictures of results (matplotlib is imported here only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tinygan.errors import UsageError


def bands(path: Path, rows: Mapping[str, Sequence[Sequence[float]]], label: str, title: str) -> None:
    """A line and a band for each row (low, middle, high), each over 1, 2, ...; logarithmic. Raises UsageError."""
    try:
        import matplotlib
    except ImportError as error:
        raise UsageError("pictures need matplotlib: pip install 'tinygan[plot]'") from error
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
    for name, (low, middle, high) in rows.items():
        at = range(1, len(middle) + 1)
        axes.plot(at, middle, label=name)
        axes.fill_between(at, low, high, alpha=0.25)
    axes.set(yscale="log", xlabel=label, title=title)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
