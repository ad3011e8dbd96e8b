"""Figures of results. Only this module imports matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray as Array

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
    """Plot a line and a band for each row (low, middle, high) over ``at``, with vertical lines at ``marks``.

    ``size`` is in inches; ``words`` are keyword arguments of matplotlib's ``Axes.set``. Raises UsageError.
    """
    plt = pyplot()
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


def quantile_band(each: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """The minimum, median and maximum over seeds: (seeds, points) → (3, points)."""
    return np.quantile(each, [0, 0.5, 1], axis=0).tolist()


def field(path: Path, side: float, centres: Array, points: Array, pull: Array, logit: Array, title: str) -> Path:
    """Plot points and their gradients (n, 2) over D's logit on [-side, side]². Modes are rings. Raises UsageError."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(4, 4), layout="constrained")
    axes.imshow(logit, extent=(-side, side, -side, side), origin="lower", cmap="coolwarm", alpha=0.6)
    axes.scatter(*centres.T, s=60, facecolors="none", edgecolors="0.3", linewidths=0.8)
    length = np.linalg.norm(pull, axis=1, keepdims=True)
    arrows = pull / (length + np.median(length) + 1e-12) * side / 10  # bounded lengths: only the direction matters
    axes.quiver(*points.T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.002, color="0.35")
    axes.scatter(*points.T, s=4, color="black")
    axes.set(xlim=(-side, side), ylim=(-side, side), xticks=(), yticks=(), title=title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return path


def animate(path: Path, frames: Sequence[Path]) -> None:
    """Write a GIF of the frames, a third of a second each, and remove all frame files except the last."""
    from PIL import Image

    pictures = [Image.open(frame).convert("P", palette=Image.Palette.ADAPTIVE, colors=64) for frame in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=330, loop=0)
    for frame in frames[:-1]:
        frame.unlink()


def pyplot() -> Any:
    """``matplotlib.pyplot`` with a backend that needs no display. Raises UsageError if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise UsageError("figures need matplotlib; pip install 'tinygan[plot]'") from error
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    return plt
