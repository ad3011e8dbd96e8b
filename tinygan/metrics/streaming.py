"""The measures of ``tinygan eval``, each fed block by block so that memory does not grow with the number of images.

n images in question are compared with n real ones. Beside that value stands its ``floor``, what a perfect generator would get:
the same measure of m other real images against the first m, m = n where there are real images enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics import frechet, inception_score, kid, manifold, moments

BLOCK = 1000  # images at a time, and in a block of the kernel distance (Binkowski et al. 2018, §5 takes 1000)
KEPT = 10_000  # features that measures of neighbours keep: their time grows with the square


class ScoreNames(NamedTuple):
    """What the scores of an extractor are called."""

    frechet: str
    kernel: str
    inception: str


class FeatureBlock(NamedTuple):
    """A block of images as an extractor reads it: features (m, d), logits (m, C) or None."""

    features: Array
    logits: Array | None


class MeasureValue(NamedTuple):
    """A measure's name, its value, what real images get, and which way is better."""

    name: str
    value: float
    floor: float
    better: str


class Measure(Protocol):
    """Blocks go in with ``add``: of images in question, of real ones, and of other real ones until there have been m."""

    def add(self, fake: FeatureBlock, real: FeatureBlock, other: FeatureBlock | None) -> None: ...
    def values(self) -> list[MeasureValue]: ...


class FrechetStream:
    """The Frechet distance, from moments in float64."""

    def __init__(self, n: int, m: int, names: ScoreNames) -> None:
        self.name = names.frechet
        self.fake = self.real = self.half = self.other = moments.empty(0)

    def add(self, fake: FeatureBlock, real: FeatureBlock, other: FeatureBlock | None) -> None:
        if self.fake.n == 0:
            self.fake = self.real = self.other = moments.empty(fake.features.shape[1])
        self.fake, self.real = moments.add(self.fake, fake.features), moments.add(self.real, real.features)
        if other is not None:
            self.half, self.other = self.real, moments.add(self.other, other.features)

    def values(self) -> list[MeasureValue]:
        fake, real, half, other = map(frechet.of_moments, (self.fake, self.real, self.half, self.other))
        return [MeasureValue(self.name, frechet.distance(real, fake), frechet.distance(half, other), "low")]


class KidStream:
    """The kernel distance: the mean of unbiased estimates on blocks; a short last block is left out where others are whole."""

    def __init__(self, n: int, m: int, names: ScoreNames) -> None:
        self.name, self.least = names.kernel, (min(n, BLOCK), min(m, BLOCK))
        self.blocks: tuple[list[float], list[float]] = [], []

    def add(self, fake: FeatureBlock, real: FeatureBlock, other: FeatureBlock | None) -> None:
        for read, least, blocks in zip((fake, other), self.least, self.blocks, strict=True):
            if read is not None and len(read.features) >= least:
                blocks.append(kid.mmd2(real.features, read.features))

    def values(self) -> list[MeasureValue]:
        value, floor = (float(np.mean(blocks)) for blocks in self.blocks)
        return [MeasureValue(f"{self.name}, mean of {len(self.blocks[0])} blocks", value, floor, "low")]


class InceptionScoreStream:
    """The Inception Score's formula on the extractor's classes, and its two entropies."""

    def __init__(self, n: int, m: int, names: ScoreNames) -> None:
        self.name, self.counts, self.splits = names.inception, (n, m), min(10, m)
        self.sums: list[inception_score.Sums] = []

    def add(self, fake: FeatureBlock, real: FeatureBlock, other: FeatureBlock | None) -> None:
        if fake.logits is None:
            raise UsageError("inception-score needs logits, which these features lack: leave it out of --metrics")
        if not self.sums:
            self.sums = [inception_score.start(n, fake.logits.shape[1], self.splits) for n in self.counts]
        for k, read in enumerate((fake, other)):
            if read is not None and read.logits is not None:
                self.sums[k] = inception_score.add(self.sums[k], read.logits)

    def values(self) -> list[MeasureValue]:
        fake, other = map(inception_score.score, self.sums)
        return [
            MeasureValue(f"{self.name}, {self.splits} splits", fake.mean, other.mean, "high"),
            MeasureValue("  its standard deviation over splits", fake.std, other.std, ""),
            MeasureValue("  mean entropy of a class, nats", fake.quality, other.quality, "low"),
            MeasureValue("  entropy of the mean class, nats", fake.diversity, other.diversity, "high"),
        ]


class NeighbourStream:
    """Measures of neighbours, on the first KEPT features of each set."""

    k: int

    def __init__(self, n: int, m: int, names: ScoreNames) -> None:
        self.n, self.m = min(n, KEPT), min(m, KEPT)
        self.fake: list[Array] = []
        self.real: list[Array] = []
        self.other: list[Array] = []

    def add(self, fake: FeatureBlock, real: FeatureBlock, other: FeatureBlock | None) -> None:
        if BLOCK * len(self.fake) >= KEPT:
            return
        self.fake.append(fake.features)
        self.real.append(real.features)
        if other is not None:
            self.other.append(other.features)

    def values(self) -> list[MeasureValue]:
        fake, real, other = map(np.concatenate, (self.fake, self.real, self.other))
        pairs = zip(self.compare(real, fake).items(), self.compare(real[: self.m], other).values(), strict=True)
        of = f" of {self.n} images, {self.k} neighbours"
        return [MeasureValue(name + of, value, floor, "high") for (name, value), floor in pairs]

    def compare(self, real: Array, fake: Array) -> dict[str, float]:
        raise NotImplementedError


class PrecisionRecallStream(NeighbourStream):
    """Improved precision and recall."""

    k = 3

    def compare(self, real: Array, fake: Array) -> dict[str, float]:
        return manifold.precision_recall(real, fake, self.k)._asdict()


class DensityCoverageStream(NeighbourStream):
    """Density and coverage."""

    k = 5

    def compare(self, real: Array, fake: Array) -> dict[str, float]:
        return manifold.density_coverage(real, fake, self.k)._asdict()


MEASURES: dict[str, Callable[[int, int, ScoreNames], Measure]] = {
    "frechet": FrechetStream,
    "kid": KidStream,
    "inception-score": InceptionScoreStream,
    "precision-recall": PrecisionRecallStream,
    "density-coverage": DensityCoverageStream,
}
DEFAULT = ("frechet", "kid", "inception-score")
