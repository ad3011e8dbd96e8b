"""CycleGAN on two sets whose pairs it never sees and the test split knows: how near are translations to the truth?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.formats.png import write_png
from tinygan.images.grid import make_grid
from tinygan.recipes.systems.cyclegan import CycleGAN
from tinygan.reproduce.harness.experiment import (
    Claim,
    Experiment,
    Job,
    Result,
    Work,
    drawn,
    falling,
    figures_of,
    over_seeds,
)

SHOWN, MOST = 8, 500  # samples in a picture; test pairs that are measured


class Two(NamedTuple):
    """One set: seeds, steps of ``batch``, settings, the bounds of the ratio to the identity's error and of the cycle."""

    data: str
    seeds: int
    steps: int
    batch: int
    settings: dict[str, Any]
    ratio: float
    cycle: float


def run(two: Two, job: Job, work: Work) -> dict[str, Any]:
    """Mean differences of pixels in [0, 1] on test pairs, each way; a picture."""
    options = {"steps": two.steps, "batch": two.batch, "seed": job["seed"], "settings": two.settings}
    recipe, state = work.train("cyclegan", two.data, **options)
    assert isinstance(recipe, CycleGAN)
    test = work.open(two.data, "test")
    assert test.size is not None
    pairs, _ = test.batch(drawn(test, min(test.size, MOST)))
    rows = np.concatenate([recipe.cycles(state, part) for part in np.array_split(pairs, max(len(pairs) // 50, 1))])
    a, there, around, b = (rows[:, k] for k in range(4))
    shown = recipe.cycles(state, pairs[:SHOWN])
    work.pictures.mkdir(parents=True, exist_ok=True)
    path = work.pictures / f"{two.data}-seed{job['seed']}.png"
    write_png(path, make_grid(shown.reshape(-1, *shown.shape[2:]), nrow=2 * shown.shape[1]))
    ways = {"A to B": slice(0, None, 2), "B to A": slice(1, None, 2)}  # rows are of either way in turn
    figures: dict[str, Any] = {name: apart(there[way], b[way]) for name, way in ways.items()}
    return figures | {"identity": apart(a, b), "cycle": apart(around, a)}


def apart(x: Array, y: Array) -> float:
    """Mean |x − y| of pixels in [-1, 1] as if in [0, 1]."""
    return float(np.abs(x - y).mean()) / 2


def claims(two: Two, results: Sequence[Result]) -> list[Claim]:
    """Errors over that of doing nothing: of both ways together, and of each; the cycle."""
    figures = figures_of(results)
    found = [over_seeds("error of the identity map, pixels in [0, 1]", [f["identity"] for f in figures])]
    both = [(f["A to B"] + f["B to A"]) / 2 / f["identity"] for f in figures]
    found.append(over_seeds("error of both directions / error of the identity map", both, "<=", two.ratio))
    for way in ("A to B", "B to A"):
        found.append(over_seeds(f"error {way} / error of the identity map", [f[way] / f["identity"] for f in figures]))
    return [
        *found,
        over_seeds("cycle error, mean |F(G(a)) − a|", [f["cycle"] for f in figures], "<=", two.cycle),
    ]


def experiment(name: str, about: str, two: Two) -> Experiment:
    """The experiment of a set."""
    jobs = [{"seed": seed} for seed in range(two.seeds)]
    shared = {"data": two.data, "steps": two.steps, "batch": two.batch, "settings": two.settings}
    return Experiment(name, about, shared, jobs, partial(run, two), partial(claims, two))


def settings(steps: int) -> dict[str, Any]:
    """Small translators, chosen with seed 7 on edges: with a cycle of 10, twice the paper's, pictures stay as they are."""
    rates = {"adam_G": falling(2e-3, steps, b1=0.5), "adam_D": falling(1e-3, steps, b1=0.5)}
    return {"width": 12, "blocks": 2, "cycle": 1.0, "identity": 0.2} | rates


EXPERIMENTS = [
    experiment(
        "edges",
        "Fashion-MNIST and its edges, without pairs: errors on test pairs",
        Two("fashion-edges", 1, 2500, 8, settings(2500), ratio=0.5, cycle=0.08),
    ),
    experiment(
        "emoji",
        "emoji by Google and by Twitter at 32 pixels, without pairs: errors on test pairs",
        Two("emoji-hands", 1, 2000, 8, settings(2000), ratio=0.7, cycle=0.1),
    ),
]
