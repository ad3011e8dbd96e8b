"""The accuracy of a trained classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.data import Dataset
from tinygan.errors import UsageError
from tinygan.recipes import Classifies
from tinygan.sampling.request import BATCH
from tinygan.training.loading import load_state
from tinygan.training.run import Run

MOST = 10_000  # images of an endless data set where n is not given


def classifier_accuracy(run: Run, data: Dataset, n: int | None = None) -> tuple[float, int]:
    """The accuracy, 0 to 1, of a run's classifier on the first n images of ``data``, and n.

    ``n`` None: all images, of an endless set MOST. Raises UsageError for a run without a classifier, images of another shape or
    classes, or more images than there are.
    """
    recipe, state = load_state(run)
    if not isinstance(recipe, Classifies):
        raise UsageError(f"{run.path} is a run of {run.config.recipe}, which has no classifier")
    if (data.shape, len(data.classes)) != recipe.expects[:2]:
        raise UsageError(
            f"{run.path} classifies {recipe.expects.shape} into {recipe.expects.classes} classes; {data.name} has "
            f"{data.shape} in {len(data.classes)}: give data of that shape with these classes"
        )
    n = n or data.size or MOST
    if data.size is not None and n > data.size:
        raise UsageError(f"n is {n}, and {data.name} has {data.size} images: choose a smaller n")
    return accuracy_on(recipe, state, data, n), n


def accuracy_on(recipe: Classifies, state: Any, data: Dataset, n: int) -> float:
    """The share, 0 to 1, of the first n samples of ``data`` whose largest logit is that of their class."""
    right = 0
    for i in range(0, n, BATCH):
        x, labels = data.batch(np.arange(i, min(i + BATCH, n)))
        right += int((recipe.read(state, x)[1].argmax(axis=1) == labels["class"]).sum())
    return right / n
