"""Feature extractors by name, and from the run of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tinygan.errors import UsageError, nearest
from tinygan.metrics.features import PINNED, Extractor, Features, load_features, load_shipped, save_features
from tinygan.metrics.inception import Inception, load_inception
from tinygan.metrics.streaming import ScoreNames
from tinygan.recipes.protocols import ExtractsFeatures
from tinygan.training.loading import load_state
from tinygan.training.run import Run

OWN = ScoreNames("Frechet distance", "Kernel distance", "Inception Score's formula")
PUBLISHED = ScoreNames("FID", "KID", "Inception Score")  # only with the Inception network that the published scores use


class NamedExtractor(NamedTuple):
    """How a named extractor is loaded, and the names of its scores."""

    load: Callable[[], Extractor]
    names: ScoreNames = OWN


EXTRACTORS = {
    **{name: NamedExtractor(partial(load_shipped, name)) for name in PINNED},
    "inception": NamedExtractor(lambda: Inception(load_inception(), "tf1-bilinear"), PUBLISHED),
    "inception-clean": NamedExtractor(lambda: Inception(load_inception(), "pil-bicubic"), PUBLISHED),
}


def open_features(source: str) -> tuple[Extractor, ScoreNames]:
    """The extractor ``source`` and the names of its scores.

    ``source`` is a name in EXTRACTORS, the run of a classifier, or a file that ``export`` wrote. Raises UsageError for any
    other text; DataError, FormatError.
    """
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
    """The recipe and the state of a classifier's run. Raises UsageError for any other run."""
    recipe, state = load_state(run)
    if not isinstance(recipe, ExtractsFeatures):
        raise UsageError(f"{run.path} is a run of {run.config.recipe}; expected a run of classifier")
    return recipe, state


def features_of(run: Run) -> Features:
    """The features of a classifier's run."""
    recipe, state = classifier_of(run)
    return Features(Path(run.config.data).name, recipe.expects.shape, *recipe.extractor(state))


def export(run: Run, path: Path) -> str:
    """Write the extractor of a classifier's run to ``path``, for --features; returns the file's SHA-256."""
    recipe, state = classifier_of(run)
    data, sample = Path(run.config.data).name, recipe.expects
    return save_features(path, data, sample.shape, *recipe.extractor(state), sample.classes)
