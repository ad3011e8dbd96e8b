"""Evaluate images, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinygan.core.layer import Array
from tinygan.data import Dataset
from tinygan.data.array import ArrayImages
from tinygan.errors import UsageError
from tinygan.evaluation.evaluate import Evaluation, measure, open_images
from tinygan.evaluation.extractors import open_features
from tinygan.interface.trained_run import TrainedRun
from tinygan.metrics.streaming import DEFAULT, MEASURES
from tinygan.training.run import Config, Run

Images = str | Path | TrainedRun | Array


def evaluate(
    images: Images,
    data: Images | None = None,
    *,
    metrics: str | Sequence[str] = DEFAULT,
    n: int | None = None,
    seed: int = 0,
    features: str | Path = "fashion-mnist",
    progress: bool = True,
) -> Evaluation:
    """Compare images with real ones on the features of a classifier: Frechet distance, KID, Inception Score and others.

        tinygan.evaluate("runs/dcgan-strokes").scores        # {"Frechet distance (fashion-mnist)": 12.3, ...}
        tinygan.evaluate(x, "fashion-mnist", metrics="all")  # x (N, H, W, C), uint8 or floats in [-1, 1]

    ``images``    a run (its directory, or from ``tinygan.load``), an array, a folder, a .npy file, or a data set by name
    ``data``      the real images, likewise; None: the data that the run was trained on
    ``metrics``   "all", or some of frechet, kid, inception-score, precision-recall, density-coverage
    ``n``         images of each; None: as many as there are, at most 10,000
    ``seed``      fixes the latents of a run, and which images of a larger set are compared
    ``features``  "fashion-mnist", "inception", "inception-clean", the run of a classifier, or the file of one
    ``progress``  whether progress is printed on stderr

    Each value stands beside its floor, that of real images against other real images. Values compare only where features and n
    are the same. Raises UsageError for unknown names, images of two shapes or too few; DataError; FormatError.
    """
    if (n is not None and n < 2) or seed < 0:
        raise UsageError(f"n is at least 2 and seed at least 0: got {n} and {seed}")
    config = config_of(images)
    if data is None:
        if config is None:
            raise UsageError(f"{named(images)} against what? Give data, the real images: a name, a path, or an array")
        data = config.data
    chosen = tuple(MEASURES) if metrics == "all" else metrics.split(",") if isinstance(metrics, str) else metrics
    with (config or Config()).numerics():
        pair = dataset(images, seed), dataset(data, seed + 1)
        return measure(*pair, *open_features(str(features)), chosen, n, seed, progress=progress)


def config_of(images: Images) -> Config | None:
    """The configuration of a run; None for other images."""
    if isinstance(images, TrainedRun):
        return images.config
    is_run = isinstance(images, str | Path) and (Path(images) / "config.toml").is_file()
    return Run.open(Path(str(images))).config if is_run else None


def dataset(images: Images, seed: int) -> Dataset:
    """Images as a data set; those of a run are endless. Raises UsageError, DataError, FormatError."""
    if isinstance(images, str | Path):
        return open_images(str(images), seed)
    return images.generated(seed) if isinstance(images, TrainedRun) else ArrayImages(images)


def named(images: Images) -> str:
    """The images in an error."""
    return str(images) if isinstance(images, str | Path) else "the array"
