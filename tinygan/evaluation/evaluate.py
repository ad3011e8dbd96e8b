"""Compare generated with real images: both are streamed through a feature extractor into measures.

The images are those of a run, a folder, a .npy file or a named data set. All are data sets here; a run is an endless one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tinygan.data import Dataset, open_data
from tinygan.data.npy import Npy
from tinygan.data.sampler import Sampler
from tinygan.errors import UsageError, nearest
from tinygan.metrics.features import Extractor
from tinygan.metrics.streaming import BLOCK, MEASURES, FeatureBlock, MeasureValue, ScoreNames
from tinygan.recipes import Generative
from tinygan.sampling.generated import GeneratedDataset
from tinygan.training.checkpoint import latest_checkpoint
from tinygan.training.loading import load_state
from tinygan.training.progress import NoProgress, Progress
from tinygan.training.run import Run

MOST = 10_000  # images of each set where n is not given


def open_images(source: str, seed: int = 0) -> Dataset:
    """The images of a run, a .npy file, a folder or a named data set. Raises UsageError, DataError, FormatError."""
    path = Path(source)
    if (path / "config.toml").is_file():
        run = Run.open(path)
        recipe, state = load_state(run)
        if not isinstance(recipe, Generative):
            raise UsageError(
                f"{source} is a run of {run.config.recipe}, which makes no images: give it as the only argument"
            )
        return GeneratedDataset(source, recipe, state, seed)
    return Npy(path) if path.suffix.lower() == ".npy" else open_data(source)


class Evaluation(NamedTuple):
    """The values of all measures on n images and n real ones. Their floors are from m real images and m others."""

    what: str
    against: str
    features: str
    n: int
    m: int
    values: list[MeasureValue]

    @property
    def scores(self) -> dict[str, float]:
        """Each measure's value by its name."""
        return {value.name.strip(): value.value for value in self.values}


def measure(
    images: Dataset,
    real: Dataset,
    extractor: Extractor,
    names: ScoreNames,
    metrics: Sequence[str],
    n: int | None = None,
    seed: int = 0,
    *,
    progress: bool = True,
) -> Evaluation:
    """Compare n ``images`` with n of ``real``, and for the floor the first m of these with m others of ``real``.

    m is n where ``real`` has 2n images, else half of its size. ``n`` None: the largest n with m = n, at most MOST. ``seed``
    fixes which images of finite sets are used. ``progress``: whether it is printed.
    Raises UsageError for points, images of two shapes, too few images, or an unknown metric.
    """
    if len(real.shape) != 3:
        raise UsageError(f"{real.name} has points of shape {real.shape}, and the metrics need images: give images")
    if images.shape != real.shape:
        raise UsageError(
            f"{images.name} has images of shape {images.shape} and {real.name} of {real.shape}; give images of the same shape"
        )
    most = min(images.size or MOST, real.size or MOST)
    n = min(MOST, most, (real.size or 2 * MOST) // 2) if n is None else n
    if n < 2 or n > (images.size or n) or n > (real.size or n):
        sizes = f"{images.name} has {images.size or 'any number'} and {real.name} {real.size or 'any number'}"
        raise UsageError(f"too few images for {n} of each: {sizes}; choose -n from 2 to {most}")
    m = min(n, (real.size or 2 * n) // 2)
    m = m if m in (n, m % BLOCK) else m - m % BLOCK  # in whole blocks
    for name in metrics:
        if name not in MEASURES:
            raise UsageError(f"unknown metric {name!r}{nearest(name, MEASURES)}; the metrics are {', '.join(MEASURES)}")
    measures = [MEASURES[name](n, m, names) for name in metrics]
    order, real_order = Sampler(images.size, seed), Sampler(real.size, seed)

    def read(data: Dataset, order: Sampler, at: int, count: int) -> FeatureBlock:
        return FeatureBlock(*extractor(data.batch(order.indices(at, count))[0]))

    began = time.perf_counter()
    with (Progress if progress else NoProgress)(0, n, "image") as shown:
        for i in range(0, n, BLOCK):
            end = min(i + BLOCK, n)
            fake, truth = read(images, order, i, end - i), read(real, real_order, i, end - i)
            other = read(real, real_order, m + i, min(end, m) - i) if i < m else None
            for each in measures:
                each.add(fake, truth, other)
            shown.show(end, {}, end / (time.perf_counter() - began))
    values = [value for each in measures for value in each.values()]
    return Evaluation(images.name, real.name, extractor.name, n, m, values)


def record(path: Path, run: Run | None, facts: dict[str, Any]) -> None:
    """Append one line of JSON to ``path``: the time, the step of the run if there is one, and ``facts``."""
    checkpoint = latest_checkpoint(run.checkpoints) if run else None
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S")} | ({"step": int(checkpoint.stem)} if checkpoint else {}) | facts
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
