"""Where a training starts: at the first state, or at the newest checkpoint, whose metadata must agree with the run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tinygan.core.streams import Stream
from tinygan.data import Dataset
from tinygan.errors import FormatError
from tinygan.recipes import LatentTable, Recipe, SamplesByText
from tinygan.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from tinygan.training.finite import require_finite_state
from tinygan.training.run import Config, Run


def checkpoint_facts(config: Config, data: Dataset, recipe: Recipe) -> dict[str, str]:
    """The metadata of a checkpoint. With ``step`` it fixes every random generator and the position in the data."""
    names = (
        {"names": json.dumps(data.classes)} if isinstance(recipe, SamplesByText) else {}
    )  # its words are made of them
    return {
        "recipe": config.recipe,
        "data": f"{config.data}, {'endless' if data.size is None else data.size}",
        "shape": " ".join(map(str, data.shape)),
        "classes": str(len(data.classes)),
        "batch": str(config.batch),
        "seed": str(config.seed),
        **names,
    }


def first_or_latest(run: Run, recipe: Recipe, data: Dataset, facts: dict[str, str]) -> tuple[Any, int]:
    """The state of the newest checkpoint and its step, or the first state and 0; FormatError where facts differ."""
    first = recipe.init(np.random.default_rng([run.config.seed, Stream.INIT]))
    path = latest_checkpoint(run.checkpoints)
    if path is None:
        return (recipe.begin(first, data) if isinstance(recipe, LatentTable) else first), 0
    state, metadata = load_checkpoint(path, first)
    metadata = {"classes": facts["classes"]} | metadata  # absent from early checkpoints
    facts = facts | {"step": str(int(path.stem))}
    for name, fact in facts.items():
        if metadata.get(name) != fact:
            found = str(metadata.get(name))[:80]
            raise FormatError(f"{path}: its {name} is {found}, expected {fact[:80]}: move it away to go on")
    return state, int(path.stem)


def save(run: Run, recipe: Recipe, state: Any, step: int, facts: dict[str, str]) -> int:
    """Write a checkpoint of a finite state; returns its step. Raises Diverged, DataError."""
    require_finite_state(step, state, recipe)
    save_checkpoint(run.checkpoints, step, state, facts | {"step": str(step)}, keep=run.config.keep)
    return step
