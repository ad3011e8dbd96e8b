"""Pictures of results (matplotlib is imported here only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tinygan.errors import UsageError


def curves(
    path: Path,
    at: Sequence[float],
    rows: Mapping[str, Sequence[Sequence[float]]],
    *,
    size: tuple[float, float] = (10, 3.5),
    marks: Sequence[float] = (),
    **words: str,
) -> None:
    """A line and a band for each row (low, middle, high) over ``at``, upright lines at ``marks``. Raises UsageError.

    ``size`` in inches, ``words`` by matplotlib's names of what an axis has.
    """
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


def spread(each: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """(seeds, points) → the least, the median and the greatest of the seeds."""
    return np.quantile(each, [0, 0.5, 1], axis=0).tolist()
