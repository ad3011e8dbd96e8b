"""The measures of ``tinygan eval`` in streaming form: blocks of features go in, so memory does not grow with n.

n fake images are compared with n real ones. The ``floor`` of a measure is the value that a perfect generator would get: the
same measure of m other real images against the first m real ones. m = n if there are enough real images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics import frechet, inception_score, kid, manifold, moments

BLOCK = 1000  # images per block, also for the kernel distance (1000 in Binkowski et al. 2018, §5)
KEPT = 10_000  # features kept by nearest-neighbour measures, whose time grows with the square


class ScoreNames(NamedTuple):
    """The names of an extractor's scores."""

    frechet: str
    kernel: str
    inception: str


class FeatureBlock(NamedTuple):
    """The extractor's output for a block of images: features (m, d), and logits (m, C) or None."""

    features: Array
    logits: Array | None


class MeasureValue(NamedTuple):
    """A measure's name, its value, its value for real images, and which direction is better ("low", "high" or "")."""

    name: str
    value: float
    floor: float
    better: str


class Measure(Protocol):
    """``add`` takes blocks of fake images, of real ones, and of other real ones until there have been m of these."""

    def add(self, fake: FeatureBlock, real: FeatureBlock, other: FeatureBlock | None) -> None: ...
    def values(self) -> list[MeasureValue]: ...


class FrechetStream:
    """The Frechet distance (``frechet``)."""

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
    """The kernel distance (``kid``): the mean over blocks. A shorter last block is ignored if there are full blocks."""

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
    """The Inception Score (``inception_score``) for the extractor's classes, and its two entropies."""

    def __init__(self, n: int, m: int, names: ScoreNames) -> None:
        self.name, self.counts, self.splits = names.inception, (n, m), min(10, m)
        self.sums: list[inception_score.Sums] = []

    def add(self, fake: FeatureBlock, real: FeatureBlock, other: FeatureBlock | None) -> None:
        if fake.logits is None:
            raise UsageError("inception-score needs logits, which these features do not have; remove it from --metrics")
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
    """The common part of nearest-neighbour measures, on the first KEPT features of each set."""

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
    """Improved precision and recall (``manifold``)."""

    k = 3

    def compare(self, real: Array, fake: Array) -> dict[str, float]:
        return manifold.precision_recall(real, fake, self.k)._asdict()


class DensityCoverageStream(NeighbourStream):
    """Density and coverage (``manifold``)."""

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
