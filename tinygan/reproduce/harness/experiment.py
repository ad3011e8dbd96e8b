"""What an experiment is, and what its jobs may use."""

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
from tinygan.evaluation.evaluate import features_of
from tinygan.metrics.features import PINNED, Features, load_shipped
from tinygan.recipes import Recipe
from tinygan.reproduce.harness.lock import claimed
from tinygan.training.checkpoint import earlier_than, latest_checkpoint
from tinygan.training.config import as_mapping
from tinygan.training.interrupt import Interrupt
from tinygan.training.loading import load_state, recipe_for
from tinygan.training.loop import run_training
from tinygan.training.run import Config, Run, resolve

Job = dict[str, Any]  # what tells it from the others: names and numbers, as JSON has them


class Result(NamedTuple):
    """A job and its figures: numbers, lists and texts, as JSON has them."""

    job: Job
    figures: dict[str, Any]


def falling(lr: float, steps: int, **more: Any) -> dict[str, Any]:
    """Adam with a rate that falls in a line to 0 over a training."""
    return {"lr": lr, "schedule": {"kind": "linear", "over": steps, "end": 0.0}} | more


def figures_of(results: Sequence[Result], **job: Any) -> list[dict[str, Any]]:
    """The figures of the results whose jobs have these, in their order."""
    return [r.figures for r in results if job.items() <= r.job.items()]


class Claim(NamedTuple):
    """A figure, its bound, and what was published; without a bound it is reported only."""

    what: str
    value: float
    sign: Literal["<=", ">=", ""] = ""
    bound: float = 0.0
    published: str = ""

    @property
    def met(self) -> bool:
        """NaN meets no bound."""
        return not self.sign or (self.value <= self.bound if self.sign == "<=" else self.value >= self.bound)


def over_seeds(
    what: str,
    values: Sequence[float],
    sign: Literal["<=", ">=", ""] = "",
    bound: float = 0.0,
    published: str = "",
) -> Claim:
    """The claim on the median, each seed's value in brackets."""
    each = ", ".join(f"{value:.3g}" for value in values)
    return Claim(f"{what} ({each})", median(values), sign, bound, published)


class Experiment(NamedTuple):
    """``run`` makes a job's figures; of the results of all jobs in their order come ``claims``, and pictures by ``draw``.

    ``settings`` are what all jobs share, as JSON has it: a result under others is none of this experiment.
    """

    name: str
    about: str
    settings: Mapping[str, Any]
    jobs: Sequence[Job]
    run: Callable[[Job, Work], dict[str, Any]]
    claims: Callable[[Sequence[Result]], list[Claim]]
    draw: Callable[[Sequence[Result], Path], list[Path]] | None = None
    earlier: Sequence[Mapping[str, Any]] = ()  # the same settings, as earlier versions wrote them


class Stopped(Exception):
    """A signal has come: what was trained by ``Work.train`` is saved, and the same command goes on with the table."""


class Work:
    """What a job may use: data by name (``data`` says where a set is that is not in its place), trainings that resume."""

    def __init__(self, folder: Path, pictures: Path, interrupt: Interrupt, data: Mapping[str, str]) -> None:
        self.folder, self.pictures = folder, pictures
        self._interrupt, self.data_paths = interrupt, data
        self._trained: list[str] = []

    def open(self, name: str, split: str = "train", seed: int = 0, least: int = 1) -> Dataset:
        """A data set of the catalogue. UsageError where --data gives samples of another shape, or fewer than ``least``."""
        data = open_data(self.data_paths.get(name, name), split=split, data_seed=seed)
        if data.shape != DATASETS[name].shape:
            raise UsageError(
                f"{name} has samples {by(DATASETS[name].shape)}; those at {self.data_paths[name]} are {by(data.shape)}"
            )
        if data.size is not None and data.size < least:
            raise UsageError(f"{least} samples of {name}, split {split}, are needed; {data.name} has {data.size}")
        return data

    def train(self, recipe: str, data: str, **options: Any) -> tuple[Recipe, Any]:
        """The recipe and its last state, trained in a run directory of its own; ``options`` are those of a run's config.toml.

        Experiments that ask for the same training share it. Raises Stopped where a signal came first.
        """
        return load_state(self._run(recipe, data, options))

    def history(self, recipe: str, data: str, **options: Any) -> list[tuple[int, Recipe, Any]]:
        """(step, recipe, state) of each checkpoint kept, in order: ``options`` say which, by save_every and keep.

        What a signal saved on the way is left out; it may have taken the first one's place.
        """
        run = self._run(recipe, data, options)
        kept = {int(path.stem): path for path in earlier_than(run.checkpoints, run.config.steps + 1)}
        wanted = [step for step in kept if step % run.config.save_every == 0 or step == run.config.steps]
        return [(step, *load_state(run, kept[step])) for step in wanted]

    def statistics(self, recipe: str, data: str, **options: Any) -> list[dict[str, float]]:
        """What a training wrote of its steps, a line a tick."""
        lines = (self._run(recipe, data, options).path / "stats.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def features(self, data: str, steps: int, **settings: Any) -> Features:
        """An extractor, and a judge of classes, for images of a set: the package's own, or a classifier trained here."""
        if data in PINNED:
            return load_shipped(data)
        settings |= {"adam": {"schedule": {"over": steps}}}
        options = {"steps": steps, "batch": 128, "seed": 0, "settings": settings}
        return features_of(self._run("classifier", data, options))

    def _run(self, recipe: str, data: str, options: dict[str, Any]) -> Run:
        """The run of a training, done."""
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
            self.check_interrupt()  # another process is at it
            time.sleep(1)

    def _done(self, path: Path, config: Config, samples: Dataset) -> Run:
        """The run at ``path``, begun or gone on with."""
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
        """Raises Stopped where a signal came: for a job that keeps nothing on its way and begins anew."""
        if self._interrupt:
            raise Stopped

    def trained(self) -> list[str]:
        """What has been trained since the last call, and from which step on: a run that an earlier process began goes on."""
        found, self._trained = self._trained, []
        return found


def random_indices(data: Dataset, n: int) -> Array:
    """The numbers of n samples of a set, in an order of its own: a folder's are sorted by class."""
    return Sampler(data.size, 0).indices(0, n)


def pixel_error(x: Array, y: Array) -> float:
    """The mean of |x − y| over pixels, scaled from [-1, 1] to [0, 1]."""
    return float(np.abs(x - y).mean()) / 2


def short_digest(text: str) -> str:
    """A short name for a long one."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
