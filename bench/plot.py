"""A roofline plot of the convolutions: rate over operations per byte. Only this module imports matplotlib.

The roof is the measured ceiling of multiply-adds. The slope is the rate of a copy that does not fit in the caches. A point
can be above the roof, because rates count the operations of the direct form and other forms need fewer.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.ours import Options
from bench.race import HEATS, once
from bench.rows import Row
from tinygan.errors import UsageError

try:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
except ImportError as error:
    raise UsageError("--plot needs matplotlib: pip install '.[bench]'") from error

COPIED = 1 << 26  # bytes per thread


def bandwidth(threads: int) -> float:
    """The rate of a copy in bytes read and written per second, the best of several."""
    blocks = [(np.ones(COPIED // 4, np.float32), np.empty(COPIED // 4, np.float32)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        seconds = min(once(lambda: list(pool.map(lambda b: np.copyto(b[1], b[0]), blocks))) for _ in range(2 * HEATS))
    return 2 * COPIED * threads / seconds


def roofline(path: Path, rows: Sequence[Row], options: Options) -> None:
    """Draw all rows that have operations per byte."""
    drawn = [row for row in rows if "FLOP/B" in row.figures]
    if not drawn:
        return
    figure, axes = plt.subplots(figsize=(8, 5))
    slope = bandwidth(options.threads) / 1e9
    ceilings = [row.figures["ceiling GFLOP/s"] for row in drawn if "ceiling GFLOP/s" in row.figures]
    roof = statistics.median(ceilings) if ceilings else max(row.figures["GFLOP/s"] for row in drawn)
    x = np.geomspace(min(row.figures["FLOP/B"] for row in drawn) / 2, 2 * max(row.figures["FLOP/B"] for row in drawn))
    axes.plot(x, np.minimum(roof, slope * x), "k-", label=f"roof: {roof:.0f} GFLOP/s, {slope:.0f} GB/s")
    for which, mark in (("forward", "o"), ("dx", "s"), ("dw", "^")):
        some = [row for row in drawn if row.what.endswith(f", {which}")]
        points = [row.figures["FLOP/B"] for row in some]
        axes.plot(
            points,
            [row.figures["GFLOP/s"] for row in some],
            mark,
            color="tab:blue",
            label=f"{options.backend}, {which}",
        )
        raced = [row for row in some if row.ratio is not None]
        theirs = [row.figures["GFLOP/s"] / row.ratio.median for row in raced if row.ratio is not None]
        if raced:
            points = [row.figures["FLOP/B"] for row in raced]
            axes.plot(points, theirs, mark, mfc="none", color="tab:red", label=f"fastest PyTorch, {which}")
    axes.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s, direct form counted")
    axes.set_title(f"Convolutions at float32 on {options.threads} threads")
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
