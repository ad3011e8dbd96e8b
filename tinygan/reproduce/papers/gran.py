"""GRAN on Fashion-MNIST: are 3 and 5 steps on the canvas better than 1, in battles and by the Frechet distance?

Im et al. 2016 report that they win their battles on MNIST, CIFAR-10 and LSUN. All other settings are equal and not tuned for
any T.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.evaluation.battle import Player, fight, player
from tinygan.evaluation.evaluate import measure
from tinygan.evaluation.extractors import OWN
from tinygan.images.grid import make_grid
from tinygan.metrics.gam import battle
from tinygan.recipes.systems.gran import GRAN
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, falling, figures_of, over_seeds
from tinygan.reproduce.harness.picture import write_picture
from tinygan.sampling.generated import GeneratedDataset

PAINTED, SEEDS = (1, 3, 5), range(3)  # T
DATA, STEPS, BATCH = "fashion-mnist", 2000, 32
SAMPLES, JUDGED, SHOWN = 5000, 10_000, 10  # images for a distance; for a battle; in a picture
# with constant rates, D's error on real images varies between 2 and 90 % from checkpoint to checkpoint (seed 7)
OURS: dict[str, Any] = {"width": 16, "adam_G": falling(1e-3, STEPS), "adam_D": falling(1e-3, STEPS)}


def options(steps: int, seed: int) -> dict[str, Any]:
    """The options of a training."""
    return {"steps": STEPS, "batch": BATCH, "seed": seed, "settings": OURS | {"steps": steps}}


def run(job: Job, work: Work) -> dict[str, Any]:
    """The Frechet distance of samples to the test split; for T > 1 also the battle against T = 1."""
    p = trained(work, job["steps"], job["seed"])
    real = work.open(DATA, "test", least=JUDGED)
    made = GeneratedDataset("gran", p.recipe, p.state, seed=0)
    (value,) = measure(made, real, work.features(DATA, 0), OWN, ("frechet",), n=SAMPLES).values
    found: dict[str, Any] = {"distance": value.value, "floor": value.floor}
    if job["steps"] == 1:
        return found
    draw_canvases(p, work, job)
    logits = fight(p, trained(work, 1, job["seed"]), real, JUDGED)
    of = battle(*logits)
    found |= {"r_test": of.r_test, "r_sample": of.r_sample, "won": of.winner == 1, "lost": of.winner == 2}
    wrong = {"a_test": logits.a_test <= 0, "b_test": logits.b_test <= 0}
    wrong |= {"a_on_b": logits.a_on_b > 0, "b_on_a": logits.b_on_a > 0}
    return found | {"errors": {name: float(share.mean()) for name, share in wrong.items()}}


def trained(work: Work, steps: int, seed: int) -> Player:
    """A trained system with T = ``steps``."""
    return player(f"T = {steps}", *work.train("gran", DATA, **options(steps, seed)))


def draw_canvases(p: Player, work: Work, job: Job) -> None:
    """Write a picture of the canvas after each step, one sample per row."""
    assert isinstance(p.recipe, GRAN)
    x = p.recipe.canvases(p.state, p.recipe.latents(SHOWN, np.random.default_rng(0)))
    work.pictures.mkdir(parents=True, exist_ok=True)
    picture = make_grid(x.reshape(-1, *x.shape[2:]), nrow=x.shape[1])
    write_picture(work.pictures / f"canvases-{job['steps']}-seed{job['seed']}.png", picture)


def claims(results: Sequence[Result]) -> list[Claim]:
    """Distances for each T; for T = 3 and 5 the battles against T = 1 and the ratio of distances."""
    found = [over_seeds(f"Frechet distance, T = {T}", distances(results, T)) for T in PAINTED]
    for T in PAINTED[1:]:
        each, n = figures_of(results, steps=T), len(SEEDS)
        ratios = [a / b for a, b in zip(distances(results, T), distances(results, 1), strict=True)]
        found += [
            over_seeds(f"T = {T} against 1: r_test", [f["r_test"] for f in each]),
            over_seeds(f"T = {T} against 1: r_sample", [f["r_sample"] for f in each], "<=", 1.0, "below 1"),
            Claim(f"T = {T} against 1: battles of {n} won", sum(f["won"] for f in each), ">=", 2, "won"),
            Claim(f"T = {T} against 1: battles of {n} lost", sum(f["lost"] for f in each), "<=", 0, "none"),
            over_seeds(f"T = {T} against 1: ratio of Frechet distances", ratios, "<=", 1.0),
        ]
    return found


def distances(results: Sequence[Result], steps: int) -> list[float]:
    return [f["distance"] for f in figures_of(results, steps=steps)]


EXPERIMENTS = [
    Experiment(
        "fashion",
        f"Fashion-MNIST, T of {', '.join(map(str, PAINTED))}, {len(SEEDS)} seeds of {STEPS} steps: battles, distances",
        {"data": DATA, "options": options(0, 0), "samples": SAMPLES, "judged": JUDGED},
        [{"steps": T, "seed": seed} for seed in SEEDS for T in PAINTED],
        run,
        claims,
    )
]
