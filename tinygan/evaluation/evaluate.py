"""How good a generator is: images streamed through an extractor into measures.

What is measured is a run, a folder, a .npy file or a named set; all are data sets here, a run an endless one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygan.data import Dataset, open_data
from tinygan.data.npy import Npy
from tinygan.data.sampler import Sampler
from tinygan.errors import UsageError, nearest
from tinygan.metrics.features import PINNED, Extractor, Features, load_features, load_shipped, save_features
from tinygan.metrics.inception import Inception, load_inception
from tinygan.metrics.streaming import BLOCK, MEASURES, FeatureBlock, MeasureValue, ScoreNames
from tinygan.recipes import Classifies, Generative
from tinygan.recipes.protocols import ExtractsFeatures
from tinygan.sampling.generated import GeneratedDataset
from tinygan.sampling.request import BATCH
from tinygan.training.checkpoint import latest_checkpoint
from tinygan.training.loading import load_state
from tinygan.training.progress import NoProgress, Progress
from tinygan.training.run import Run

MOST = 10_000  # images of a set where -n does not say it


def open_images(source: str, seed: int = 0) -> Dataset:
    """The images of a run, a .npy file, a folder, or a set of the catalogue. Raises UsageError, DataError, FormatError."""
    path = Path(source)
    if (path / "config.toml").is_file():
        run = Run.open(path)
        recipe, state = load_state(run)
        if not isinstance(recipe, Generative):
            raise UsageError(
                f"{source} is a run of {run.config.recipe}, which makes no images: give a classifier alone"
            )
        return GeneratedDataset(source, recipe, state, seed)
    return Npy(path) if path.suffix.lower() == ".npy" else open_data(source)


# ---------------------------------------------------------------- extractors


OWN = ScoreNames("Frechet distance", "Kernel distance", "Inception Score's formula")
PUBLISHED = ScoreNames("FID", "KID", "Inception Score")  # of the network of 2015 alone


class NamedExtractor(NamedTuple):
    """An extractor with a name, and what its scores are called."""

    load: Callable[[], Extractor]
    names: ScoreNames = OWN


EXTRACTORS = {
    **{name: NamedExtractor(partial(load_shipped, name)) for name in PINNED},
    "inception": NamedExtractor(lambda: Inception(load_inception(), "tf1-bilinear"), PUBLISHED),
    "inception-clean": NamedExtractor(lambda: Inception(load_inception(), "pil-bicubic"), PUBLISHED),
}


def open_features(source: str) -> tuple[Extractor, ScoreNames]:
    """The extractor ``source``, a name, the run of a classifier or a file of ``export``, and its scores' names."""
    names = OWN
    if source in EXTRACTORS:
        load, names = EXTRACTORS[source]
        extractor = load()
    elif (Path(source) / "config.toml").is_file():
        extractor = features_of(Run.open(Path(source)))
    elif Path(source).is_file():
        extractor = load_features(Path(source))
    else:
        raise UsageError(
            f"no features {source!r}{nearest(source, EXTRACTORS)}; expected {', '.join(EXTRACTORS)}, the run of a "
            "classifier, or a file of its weights"
        )
    return extractor, ScoreNames(*(f"{name} ({extractor.name})" for name in names))


def classifier_of(run: Run) -> tuple[ExtractsFeatures, Any]:
    """The recipe and the state of a classifier's run; UsageError for another."""
    recipe, state = load_state(run)
    if not isinstance(recipe, ExtractsFeatures):
        raise UsageError(f"{run.path} is a run of {run.config.recipe}; expected a run of classifier")
    return recipe, state


def features_of(run: Run) -> Features:
    """The extractor of a classifier's run."""
    recipe, state = classifier_of(run)
    return Features(Path(run.config.data).name, recipe.expects.shape, *recipe.extractor(state))


def export(run: Run, path: Path) -> str:
    """Write the extractor of a classifier's run to ``path``, for --features; returns the file's SHA-256."""
    recipe, state = classifier_of(run)
    data, sample = Path(run.config.data).name, recipe.expects
    return save_features(path, data, sample.shape, *recipe.extractor(state), sample.classes)


# ---------------------------------------------------------------- evaluation


class Evaluation(NamedTuple):
    """What was measured: n images against n real ones, and for the floor m real ones against m others."""

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
    """Measure n ``images`` against n of ``real`` and, for the floor, m others of ``real`` against the first m of these.

    m is n where ``real`` has 2n images, else half of what it has. ``n`` None: as many as leave m = n, MOST at most. Finite
    sets are taken in an order drawn from ``seed``. Raises UsageError.
    """
    if len(real.shape) != 3:
        raise UsageError(f"{real.name} has points of shape {real.shape}, which no metric here reads: give images")
    if images.shape != real.shape:
        raise UsageError(
            f"{images.name} has images of shape {images.shape} and {real.name} of {real.shape}; compare images of one shape"
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
            for measure in measures:
                measure.add(fake, truth, other)
            shown.show(end, {}, end / (time.perf_counter() - began))
    values = [value for measure in measures for value in measure.values()]
    return Evaluation(images.name, real.name, extractor.name, n, m, values)


def classifier_accuracy(run: Run, data: Dataset, n: int | None = None) -> tuple[float, int]:
    """The share of the first n images of ``data`` that the run's classifier names rightly, and n; None: all, or MOST."""
    recipe, state = load_state(run)
    if not isinstance(recipe, Classifies):
        raise UsageError(f"{run.path} is a run of {run.config.recipe}, which tells no classes")
    if (data.shape, len(data.classes)) != recipe.expects[:2]:
        raise UsageError(
            f"{run.path} classifies {recipe.expects.shape} into {recipe.expects.classes} classes; {data.name} has "
            f"{data.shape} in {len(data.classes)}: give --data the kind of images it was trained on"
        )
    n = n or data.size or MOST
    if data.size is not None and n > data.size:
        raise UsageError(f"-n {n} of {data.name}, which has {data.size} images: ask for fewer")
    return named_rightly(recipe, state, data, n), n


def named_rightly(recipe: Classifies, state: Any, data: Dataset, n: int) -> float:
    """The share of the first n samples of ``data`` whose largest logit is that of their class."""
    right = 0
    for i in range(0, n, BATCH):
        x, labels = data.batch(np.arange(i, min(i + BATCH, n)))
        right += int((recipe.read(state, x)[1].argmax(axis=1) == labels["class"]).sum())
    return right / n


def record(path: Path, run: Run | None, facts: dict[str, Any]) -> None:
    """Append one line of JSON to ``path``: the facts, the time, and of a run its step."""
    checkpoint = latest_checkpoint(run.checkpoints) if run else None
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S")} | ({"step": int(checkpoint.stem)} if checkpoint else {}) | facts
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
