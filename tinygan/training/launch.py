"""From settings to a trained run: what ``tinygan train`` and ``tinygan.train`` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tinygan import kernels
from tinygan.data import NAMES, open_data
from tinygan.errors import UsageError
from tinygan.recipes import get_recipe
from tinygan.training.config import as_mapping, merge
from tinygan.training.interrupt import Interrupt
from tinygan.training.loading import recipe_for
from tinygan.training.loop import run_training
from tinygan.training.run import Config, Loop, Run, free_path, resolve


def configure(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Config:
    """The configuration ``base`` with ``changes``: keys of the loop or of the recipe's settings, whose values are as TOML holds
    them, tuples, or dataclasses; None changes nothing. Raises UsageError for an unknown key or a value of another type."""
    mapping = dict(base)
    for key, value in changes.items():
        if key in ("recipe", "data") and value is not None:
            mapping[key] = value
    for key, value in changes.items():
        if value is not None:
            change = {key: plain(value)}
            below = is_of_recipe(key, mapping.get("recipe", Loop.recipe))
            mapping = merge(mapping, {"settings": change} if below else change)
    return resolve(mapping)


def is_of_recipe(key: str, recipe: object) -> bool:
    """Whether a key is a setting of the recipe and not of the loop. An unknown key belongs where the most similar key does, so
    that its error suggests that one."""
    loop = [field.name for field in fields(Loop)]
    settings = [field.name for field in fields(get_recipe(recipe).settings)]
    of_loop = key == "settings" or (key not in settings and "".join(get_close_matches(key, loop + settings, 1)) in loop)
    return not of_loop


def plain(value: Any) -> Any:
    """A value as TOML holds it: a dataclass as a table, a tuple as a list."""
    if is_dataclass(value) and not isinstance(value, type):
        return as_mapping(value)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def ready(config: Config) -> Config:
    """The configuration with nothing left open: the backend and the precision chosen, the path of the data absolute.
    Raises UsageError, DataError."""
    return replace(
        config,
        backend=backend_for(config),
        precision=kernels.choose_precision(config.precision),
        data=absolute(config.data),
    )


def backend_for(config: Config) -> str:
    """The backend of a run. ``auto`` chooses a GPU only where the recipe trains on one. Raises UsageError."""
    backend = kernels.choose(config.backend)
    if backend != "cuda" or get_recipe(config.recipe).device:
        return backend
    if config.backend == "cuda":
        raise UsageError(f"{config.recipe} does not train on a GPU: use --backend jit")
    return kernels.beside(backend)


def absolute(data: str) -> str:
    """The name of a data set, or the absolute path of its files, so that a run resumes from any folder."""
    if data in NAMES:
        return data
    if not data or not Path(data).exists():
        open_data(data)  # raises the error that says what is wrong
    return str(Path(data).resolve())


def launch(
    config: Config, out: Path | None, resumed: Run | None, interrupt: Interrupt, *, progress: bool = True
) -> tuple[Run, int]:
    """Train under a configuration that is ``ready``: a new run in ``out`` (None: runs/RECIPE-DATA, with a number where that is
    taken), or ``resumed``, which has accepted the configuration. Returns the run and the step reached, which is saved.

    Raises UsageError, before there is a run, where the recipe does not fit the data; DataError; Diverged.
    """
    data = open_data(config.data, data_seed=config.seed)
    recipe = recipe_for(config, data)
    path = out or free_path(f"{config.recipe}-{Path(config.data).name}")
    with config.numerics(), resumed or Run.create(path, config) as run:
        step = run_training(run, recipe, data, interrupt, progress=progress)
    return run, step
