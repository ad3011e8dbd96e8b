"""CycleGAN on data without pairs in training and with pairs in the test split: the error of its translations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinygan.images.grid import make_grid
from tinygan.recipes.systems.cyclegan import CycleGAN
from tinygan.reproduce.harness.experiment import (
    Claim,
    Experiment,
    Job,
    Result,
    Work,
    falling,
    figures_of,
    over_seeds,
    pixel_error,
    random_indices,
)
from tinygan.reproduce.harness.picture import write_picture

SHOWN, MOST = 8, 500  # samples in a picture; measured test pairs


class Setting(NamedTuple):
    """A data set, its training, and two bounds: ``ratio`` to the identity map's error, and ``cycle`` error."""

    data: str
    seeds: int
    steps: int
    batch: int
    settings: dict[str, Any]
    ratio: float
    cycle: float


def run(setting: Setting, job: Job, work: Work) -> dict[str, Any]:
    """Mean pixel errors in [0, 1] on test pairs, in both directions; also writes a picture."""
    options = {"steps": setting.steps, "batch": setting.batch, "seed": job["seed"], "settings": setting.settings}
    recipe, state = work.train("cyclegan", setting.data, **options)
    assert isinstance(recipe, CycleGAN)
    test = work.open(setting.data, "test")
    assert test.size is not None
    pairs, _ = test.batch(random_indices(test, min(test.size, MOST)))
    rows = np.concatenate([recipe.cycles(state, part) for part in np.array_split(pairs, max(len(pairs) // 50, 1))])
    a, there, around, b = (rows[:, k] for k in range(4))
    shown = recipe.cycles(state, pairs[:SHOWN])
    work.pictures.mkdir(parents=True, exist_ok=True)
    path = work.pictures / f"{setting.data}-seed{job['seed']}.png"
    write_picture(path, make_grid(shown.reshape(-1, *shown.shape[2:]), nrow=2 * shown.shape[1]))
    ways = {"A to B": slice(0, None, 2), "B to A": slice(1, None, 2)}  # rows alternate between the directions
    figures: dict[str, Any] = {name: pixel_error(there[way], b[way]) for name, way in ways.items()}
    return figures | {"identity": pixel_error(a, b), "cycle": pixel_error(around, a)}


def claims(setting: Setting, results: Sequence[Result]) -> list[Claim]:
    """Errors over the error of the identity map, for both directions together and separately; the cycle error."""
    figures = figures_of(results)
    found = [over_seeds("error of the identity map, pixels in [0, 1]", [f["identity"] for f in figures])]
    both = [(f["A to B"] + f["B to A"]) / 2 / f["identity"] for f in figures]
    found.append(over_seeds("error of both directions / error of the identity map", both, "<=", setting.ratio))
    for way in ("A to B", "B to A"):
        found.append(over_seeds(f"error {way} / error of the identity map", [f[way] / f["identity"] for f in figures]))
    return [
        *found,
        over_seeds("cycle error, mean |F(G(a)) − a|", [f["cycle"] for f in figures], "<=", setting.cycle),
    ]


def experiment(name: str, about: str, setting: Setting) -> Experiment:
    """The experiment on one data set."""
    jobs = [{"seed": seed} for seed in range(setting.seeds)]
    shared = {"data": setting.data, "steps": setting.steps, "batch": setting.batch, "settings": setting.settings}
    return Experiment(name, about, shared, jobs, partial(run, setting), partial(claims, setting))


def settings(steps: int) -> dict[str, Any]:
    """Small generators, chosen on seed 7 of edges. With a cycle weight of 10, twice the paper's, images stay unchanged."""
    rates = {"adam_G": falling(2e-3, steps, b1=0.5), "adam_D": falling(1e-3, steps, b1=0.5)}
    return {"width": 12, "blocks": 2, "cycle": 1.0, "identity": 0.2} | rates


EXPERIMENTS = [
    experiment(
        "edges",
        "Fashion-MNIST and its edges, trained without pairs: errors on test pairs",
        Setting("fashion-edges", 1, 2500, 8, settings(2500), ratio=0.5, cycle=0.08),
    ),
    experiment(
        "emoji",
        "emoji by Google and by Twitter at 32 pixels, trained without pairs: errors on test pairs",
        Setting("emoji-hands", 1, 2000, 8, settings(2000), ratio=0.7, cycle=0.1),
    ),
]
