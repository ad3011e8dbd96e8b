"""Experiments, their results and claims, and what their jobs can use (``Work``)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.data import Dataset, open_data
from tinygan.data.registry import DATASETS
from tinygan.data.sampler import Sampler
from tinygan.errors import UsageError, by
from tinygan.evaluation.extractors import features_of
from tinygan.metrics.features import PINNED, Features, load_shipped
from tinygan.recipes import Recipe
from tinygan.reproduce.harness.lock import claimed
from tinygan.training.checkpoint import earlier_than, latest_checkpoint
from tinygan.training.config import as_mapping
from tinygan.training.interrupt import Interrupt
from tinygan.training.loading import load_state, recipe_for
from tinygan.training.loop import run_training
from tinygan.training.run import Config, Run, resolve

Job = dict[str, Any]  # the parameters that identify a job, as JSON values


class Result(NamedTuple):
    """A job and its figures, as JSON values."""

    job: Job
    figures: dict[str, Any]


def falling(lr: float, steps: int, **more: Any) -> dict[str, Any]:
    """Settings of Adam with a learning rate that decreases linearly to 0 over a training."""
    return {"lr": lr, "schedule": {"kind": "linear", "over": steps, "end": 0.0}} | more


def figures_of(results: Sequence[Result], **job: Any) -> list[dict[str, Any]]:
    """The figures of all results whose jobs have the given parameters, in order."""
    return [r.figures for r in results if job.items() <= r.job.items()]


class Claim(NamedTuple):
    """A measured value, its bound, and the published value. Without a bound the value is only reported."""

    what: str
    value: float
    sign: Literal["<=", ">=", ""] = ""
    bound: float = 0.0
    published: str = ""

    @property
    def met(self) -> bool:
        """Whether the value satisfies its bound. A NaN does not."""
        return not self.sign or (self.value <= self.bound if self.sign == "<=" else self.value >= self.bound)


def over_seeds(
    what: str,
    values: Sequence[float],
    sign: Literal["<=", ">=", ""] = "",
    bound: float = 0.0,
    published: str = "",
) -> Claim:
    """A claim about the median over seeds. The name lists the value of each seed in brackets."""
    each = ", ".join(f"{value:.3g}" for value in values)
    return Claim(f"{what} ({each})", median(values), sign, bound, published)


class Experiment(NamedTuple):
    """``run`` computes the figures of a job. ``claims`` and ``draw`` take the results of all jobs, in order.

    ``settings`` are shared by all jobs, as JSON values. Results with other settings are ignored.
    """

    name: str
    about: str
    settings: Mapping[str, Any]
    jobs: Sequence[Job]
    run: Callable[[Job, Work], dict[str, Any]]
    claims: Callable[[Sequence[Result]], list[Claim]]
    draw: Callable[[Sequence[Result], Path], list[Path]] | None = None
    earlier: Sequence[Mapping[str, Any]] = ()  # the same settings as earlier versions stored them


class Stopped(Exception):
    """A signal has interrupted a job. Trainings of ``Work.train`` are saved, and the same command continues."""


class Work:
    """What a job can use: data sets by name, and trainings that resume. ``data`` maps names to paths of other files."""

    def __init__(self, folder: Path, pictures: Path, interrupt: Interrupt, data: Mapping[str, str]) -> None:
        self.folder, self.pictures = folder, pictures
        self._interrupt, self.data_paths = interrupt, data
        self._trained: list[str] = []

    def open(self, name: str, split: str = "train", seed: int = 0, least: int = 1) -> Dataset:
        """Open a data set by name. Raises UsageError if it has samples of another shape, or fewer than ``least``."""
        data = open_data(self.data_paths.get(name, name), split=split, data_seed=seed)
        if data.shape != DATASETS[name].shape:
            raise UsageError(
                f"{name} has samples {by(DATASETS[name].shape)}; those at {self.data_paths[name]} are {by(data.shape)}"
            )
        if data.size is not None and data.size < least:
            raise UsageError(
                f"{least} samples of {name}, split {split!r}, are needed; {data.name} has {data.size}; use more data"
            )
        return data

    def train(self, recipe: str, data: str, **options: Any) -> tuple[Recipe, Any]:
        """Train in a run directory of its own; returns the recipe and its last state.

        ``options`` are those of config.toml. Experiments with the same options share the run. Raises Stopped at a signal.
        """
        return load_state(self._run(recipe, data, options))

    def history(self, recipe: str, data: str, **options: Any) -> list[tuple[int, Recipe, Any]]:
        """(step, recipe, state) of each checkpoint, in order. The options save_every and keep select them.

        A checkpoint saved because of a signal is ignored; it may have replaced the first one.
        """
        run = self._run(recipe, data, options)
        kept = {int(path.stem): path for path in earlier_than(run.checkpoints, run.config.steps + 1)}
        wanted = [step for step in kept if step % run.config.save_every == 0 or step == run.config.steps]
        return [(step, *load_state(run, kept[step])) for step in wanted]

    def statistics(self, recipe: str, data: str, **options: Any) -> list[dict[str, float]]:
        """The lines of statistics that a training has written."""
        lines = (self._run(recipe, data, options).path / "stats.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def features(self, data: str, steps: int, **settings: Any) -> Features:
        """A feature extractor and classifier for images of a set: the one in the package, or one trained here."""
        if data in PINNED:
            return load_shipped(data)
        settings |= {"adam": {"schedule": {"over": steps}}}
        options = {"steps": steps, "batch": 128, "seed": 0, "settings": settings}
        return features_of(self._run("classifier", data, options))

    def _run(self, recipe: str, data: str, options: dict[str, Any]) -> Run:
        """The finished run of a training."""
        mapping = {
            "recipe": recipe,
            "data": self.data_paths.get(data, data),
            "log_every": 50,
            "save_every": 1000,
            "keep": 1,
        }
        config = resolve(mapping | options | {"sample_every": 10**6})
        text = json.dumps(as_mapping(config), sort_keys=True)
        path = self.folder / f"{recipe}-{short_digest(text)}"
        while True:
            with claimed(self.folder / f".{path.name}.lock") as ours:
                if ours:
                    return self._done(path, config, self.open(data, seed=config.seed))
            self.check_interrupt()  # another process runs this training
            time.sleep(1)

    def _done(self, path: Path, config: Config, samples: Dataset) -> Run:
        """Start or resume the run at ``path`` and finish it."""
        began = (path / "config.toml").is_file()
        with config.numerics():
            with Run.open(path) if began else Run.create(path, config) as run:
                before = latest_checkpoint(run.checkpoints)
                done = run_training(run, recipe_for(config, samples), samples, self._interrupt)
            if done < config.steps:
                raise Stopped
            self._trained.append(f"{path.name}: steps {int(before.stem) if before else 0} to {done}")
        return run

    def check_interrupt(self) -> None:
        """Raise Stopped at a signal. For jobs without checkpoints, which start again from the beginning."""
        if self._interrupt:
            raise Stopped

    def trained(self) -> list[str]:
        """The runs trained since the last call, each with its first and last step. A resumed run does not start at step 0."""
        found, self._trained = self._trained, []
        return found


def random_indices(data: Dataset, n: int) -> Array:
    """Indices of n samples of a set in a shuffled order, because files may be sorted by class."""
    return Sampler(data.size, 0).indices(0, n)


def pixel_error(x: Array, y: Array) -> float:
    """The mean of |x − y| over pixels, scaled from [-1, 1] to [0, 1]."""
    return float(np.abs(x - y).mean()) / 2


def short_digest(text: str) -> str:
    """A short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
