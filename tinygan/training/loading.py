"""A run's recipe and state: built for its data, or read back from its checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.data import Dataset, Sample
from tinygan.data.enumerated import Enumerated
from tinygan.data.labelled_subset import LabelledSubset
from tinygan.errors import FormatError, UsageError
from tinygan.formats.safetensors import load
from tinygan.recipes import LatentTable, Recipe, SemiSupervised, get_recipe
from tinygan.recipes.protocols import ChecksBatch
from tinygan.training.checkpoint import earlier_than, flatten, latest_checkpoint, restore
from tinygan.training.run import Config, Run


def build_recipe(config: Config, sample: Sample) -> Recipe:
    """The recipe of a configuration for samples like ``sample``."""
    recipe: Recipe = get_recipe(config.recipe).make(config.settings, sample)
    return recipe


def recipe_for(config: Config, data: Dataset) -> Recipe:
    """The recipe of a configuration for a data set. Raises UsageError, before there is a run, where they do not fit."""
    recipe = build_recipe(config, Sample(data.shape, len(data.classes), data.classes))
    data = training_set(recipe, data)
    taken = config.batch * recipe.batches
    if data.size is not None and taken > data.size:
        raise UsageError(f"a step takes {taken} images and {data.name} has {data.size}: choose a smaller --batch")
    labelled_subset(recipe, data, config.seed)
    if isinstance(recipe, ChecksBatch):
        recipe.check_batch(config.batch)
    return recipe


def labelled_subset(recipe: Recipe, data: Dataset, seed: int) -> LabelledSubset | None:
    """The samples whose labels a semi-supervised recipe may use; None for other recipes. Raises UsageError."""
    return LabelledSubset(data, recipe.labels, recipe.labelled, seed) if isinstance(recipe, SemiSupervised) else None


def training_set(recipe: Recipe, data: Dataset) -> Dataset:
    """The part of the data that a recipe trains on: all of it, or the first images where it keeps a latent for each image.
    Raises UsageError."""
    return Enumerated(data, recipe.images) if isinstance(recipe, LatentTable) else data


def load_state(run: Run, path: Path | None = None) -> tuple[Recipe, Any]:
    """The recipe of a run and the state in the checkpoint ``path``; None: the newest checkpoint. Raises FormatError."""
    path = path or latest_checkpoint(run.checkpoints)
    if path is None:
        raise FormatError(f"{run.path} has no checkpoint yet: train it first, tinygan train --resume --out {run.path}")
    tensors, metadata = load(path, digest=True)
    try:
        shape = tuple(map(int, metadata["shape"].split()))
        classes = int(metadata.get("classes", 1))  # absent from early checkpoints, of recipes without labels
        names = tuple(map(str, json.loads(metadata.get("names", "[]"))))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{path}: no shape, classes or names in its metadata, expected a checkpoint of tinygan train"
        ) from error
    recipe = build_recipe(run.config, Sample(shape, classes, names))
    return recipe, restore(recipe.init(np.random.default_rng(0)), tensors)


def load_average(run: Run, n: int) -> tuple[Recipe, Any]:
    """The newest state, in which every floating-point number is its mean over the last n checkpoints: weights and running
    values above all (stochastic weight averaging, Izmailov et al. 2018, alg. 1). Raises UsageError, FormatError."""
    kept = earlier_than(run.checkpoints, run.config.steps + 1)
    if not 2 <= n <= len(kept):
        raise UsageError(
            f"average is a number of checkpoints, at least 2, and {run.path} has {len(kept)} (keep in its config.toml): "
            f"got {n}"
        )
    last = [load_state(run, path) for path in kept[-n:]]
    recipe, state = last[-1]
    each = [flatten(s) for _, s in last]
    mean = {
        name: np.mean([a[name] for a in each], axis=0, dtype=np.float64).astype(a.dtype)
        for name, a in each[-1].items()
        if a.dtype.kind == "f"
    }
    return recipe, restore(state, each[-1] | mean)
