"""LAPGAN on Fashion-MNIST, 7 → 14 → 28 pixels: are its samples better than enlarged coarse images?"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.evaluation.evaluate import measure
from tinygan.evaluation.extractors import OWN
from tinygan.images.grid import make_grid
from tinygan.images.pyramid import build, collapse
from tinygan.recipes.systems.lapgan import LAPGAN
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, over_seeds
from tinygan.reproduce.harness.picture import write_picture
from tinygan.sampling.generated import GeneratedDataset

DATA, STEPS, BATCH, SEEDS = "fashion-mnist", 2000, 32, range(3)
SETTINGS: dict[str, Any] = {
    "levels": 2,
    "width": 16,
    "adam_G": {"lr": 1e-3, "b1": 0.5},
    "adam_D": {"lr": 3e-4, "b1": 0.5},
}
SAMPLES, LAST, SHOWN = 5000, 500, 10  # measured images; steps over which accuracies are averaged; rows of a picture


class Enlarged:
    """A generator of the coarsest level's images, enlarged by bilinear interpolation between pixel centres."""

    def __init__(self, recipe: LAPGAN) -> None:
        self.recipe, self.latents = recipe, recipe.latents

    def sample(self, state: Any, z: Array) -> Array:
        coarse = self.recipe.images(state, z)[0]
        rows, columns = (bilinear(a, b) for a, b in zip(coarse.shape[1:3], self.recipe.shape[:2], strict=True))
        return np.clip(np.einsum("yh,nhwc,xw->nyxc", rows, coarse, columns, optimize=True), -1, 1)


def bilinear(n: int, m: int) -> Array:
    """Interpolation from n to m pixels, (m, n): output i reads at (i + ½) n/m − ½, clipped to the image."""
    place = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(n))).astype(np.float32)


def run(job: Job, work: Work) -> dict[str, Any]:
    """Frechet distances of LAPGAN and of its enlarged coarse images, the accuracy of D at each level, the pyramid's error."""
    options = {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "settings": SETTINGS, "log_every": 10}
    lines = work.statistics("lapgan", DATA, **options)
    recipe, state = work.train("lapgan", DATA, **options)
    assert isinstance(recipe, LAPGAN)
    real, features = work.open(DATA, "test", least=SAMPLES), work.features(DATA, 0)
    figures: dict[str, Any] = {}
    makers: dict[str, Any] = {"LAPGAN": recipe, "enlarged": Enlarged(recipe)}
    for name, maker in makers.items():
        made = GeneratedDataset(name, maker, state, seed=0)
        (value,) = measure(made, real, features, OWN, ("frechet",), n=SAMPLES).values
        figures[name] = value.value
    late = [line for line in lines if line["step"] > STEPS - LAST]
    figures["accuracy"] = [mean(line[f"accuracy_{k}"] for line in late) for k in range(len(recipe.levels))]
    x, _ = real.batch(np.arange(1000))
    figures["pyramid"] = float(np.abs(collapse(build(x, recipe.settings.levels)) - x).max())
    z = recipe.latents(SHOWN, np.random.default_rng(0))
    rows = np.concatenate([recipe.canvases(state, z), Enlarged(recipe).sample(state, z)[:, None]], axis=1)
    work.pictures.mkdir(parents=True, exist_ok=True)
    picture = make_grid(rows.reshape(-1, *recipe.shape), nrow=rows.shape[1])
    write_picture(work.pictures / f"{DATA}-seed{job['seed']}.png", picture)
    return figures


def claims(results: Sequence[Result]) -> list[Claim]:
    """A smaller distance than the enlarged images in every seed; D's accuracy at each level; the pyramid's error."""
    figures = [r.figures for r in results]
    ratios = [f["LAPGAN"] / f["enlarged"] for f in figures]
    found = [
        over_seeds("Frechet distance (own features), LAPGAN", [f["LAPGAN"] for f in figures]),
        over_seeds("Frechet distance (own features), its coarse images enlarged", [f["enlarged"] for f in figures]),
        Claim("LAPGAN / enlarged, largest of the seeds", max(ratios), "<=", 1 - 1e-9),
    ]
    for k, side in enumerate((28, 14, 7)):
        each = [f["accuracy"][k] for f in figures]
        found += [
            Claim(f"accuracy of D at {side} pixels, last {LAST} steps, smallest", min(each), ">=", 0.5),
            Claim(f"accuracy of D at {side} pixels, last {LAST} steps, largest", max(each), "<=", 0.85),
        ]
    return [*found, Claim("largest |collapse(build(x)) − x|", max(f["pyramid"] for f in figures), "<=", 1e-6)]


EXPERIMENTS = [
    Experiment(
        "fashion",
        f"Fashion-MNIST at 7, 14 and 28 pixels, {len(SEEDS)} seeds of {STEPS} steps of {BATCH}",
        {"steps": STEPS, "batch": BATCH, "settings": SETTINGS, "samples": SAMPLES},
        [{"seed": seed} for seed in SEEDS],
        run,
        claims,
    )
]
