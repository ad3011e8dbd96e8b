"""GLO on Fashion-MNIST: reconstruction of its images, and smoothness of interpolations between latents.

Bojanowski et al. 2018, §4, judge both by eye; here they are measured. Steps, width and rates were chosen on seed 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.data import Batch, Dataset, Sample
from tinygan.data.enumerated import Enumerated
from tinygan.data.sampler import Sampler
from tinygan.images.grid import make_grid
from tinygan.optim import Adam, Schedule
from tinygan.recipes.systems.glo import GLO, Settings, State
from tinygan.reproduce.harness.experiment import (
    Claim,
    Experiment,
    Job,
    Result,
    Work,
    figures_of,
    over_seeds,
    pixel_error,
)
from tinygan.reproduce.harness.picture import write_picture
from tinygan.sampling.interpolation import between
from tinygan.training.config import as_mapping

DATA, IMAGES, LATENT, SEEDS = "fashion-mnist", 2000, 32, range(3)
STEPS, BATCH = 2000, 64
PAIRS, POINTS = 50, 11  # interpolations between two images of the table, and images on each
SHOWN, LINES = 16, 6  # images, and interpolations, in a picture
ADAM = Adam(lr=3e-3, b1=0.9, schedule=Schedule("cosine", over=STEPS, end=0.0))
SETTINGS = Settings(images=IMAGES, latent=LATENT, width=16, lr_z=1.0, adam_G=ADAM)
SHARED = {"data": DATA, "steps": STEPS, "batch": BATCH, "settings": as_mapping(SETTINGS)}
EARLIER = SHARED | {  # the stored settings of a version in which norm_G="batch" was batch_norm=true
    "settings": {name: value for name, value in as_mapping(SETTINGS).items() if name != "norm_G"} | {"batch_norm": True}
}


class Table(NamedTuple):
    """A trained table of latents and its images."""

    recipe: GLO
    state: State
    x: Array
    labels: dict[str, Array]


def trained(data: Dataset, seed: int, work: Work) -> Table:
    """Train the table of the first IMAGES images."""
    data = Enumerated(data, IMAGES)
    recipe, order = GLO(SETTINGS, Sample(data.shape)), Sampler(IMAGES, seed)
    rng = np.random.default_rng(seed)
    state = recipe.begin(recipe.init(rng), data)
    for step in range(STEPS):
        work.check_interrupt()
        state, _ = recipe.step(state, Batch(*data.batch(order.indices(step * BATCH, BATCH))), rng)
    return Table(recipe, state, *data.batch(np.arange(IMAGES)))


def run(job: Job, work: Work) -> dict[str, Any]:
    """Reconstruction errors of GLO and of as many principal components, and the unevenness of interpolations."""
    table = trained(work.open(DATA, least=IMAGES), job["seed"], work)
    recipe, state, x = table.recipe, table.state, table.x
    again = recipe.decode(state, state.Z)
    rng = np.random.default_rng(job["seed"])
    pairs = np.stack([rng.choice(IMAGES, 2, replace=False) for _ in range(PAIRS)])
    lines = [recipe.decode(state, between(state.Z[i], state.Z[j], POINTS)) for i, j in pairs]
    if job["seed"] == SEEDS[0]:
        made = recipe.sample(state, recipe.latents(SHOWN, rng))
        work.pictures.mkdir(parents=True, exist_ok=True)
        rows = np.concatenate([x[:SHOWN], again[:SHOWN], components(x, LATENT)[:SHOWN], made])
        write_picture(work.pictures / "images.png", make_grid(rows, nrow=SHOWN))
        write_picture(work.pictures / "lines.png", make_grid(np.concatenate(lines[:LINES]), nrow=POINTS))
    return {
        "L1": pixel_error(again, x),
        "L1 of components": pixel_error(components(x, LATENT), x),
        "uneven": [unevenness(line) for line in lines],
    }


def components(x: Array, d: int) -> Array:
    """x projected on its first d principal components and clipped to [-1, 1]."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    centred = flat - flat.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:d]
    return np.clip(flat.mean(axis=0) + centred @ axes.T @ axes, -1, 1).astype(np.float32).reshape(x.shape)


def unevenness(line: Array) -> float:
    """The longest step between neighbouring images of an interpolation, over the shortest."""
    steps = np.linalg.norm(np.diff(line.reshape(len(line), -1), axis=0), axis=1)
    return float(steps.max() / steps.min())


def claims(results: Sequence[Result]) -> list[Claim]:
    figures = figures_of(results)
    own, linear = [f["L1"] for f in figures], [f["L1 of components"] for f in figures]
    shares = [a / b for a, b in zip(own, linear, strict=True)]
    return [
        over_seeds("mean |error| of a pixel in [0, 1]", own, "<=", 0.05),
        over_seeds(f"{LATENT} principal components: mean |error| of a pixel in [0, 1]", linear),
        over_seeds("error of GLO / error of principal components", shares, "<=", 1.0),
        over_seeds(
            "longest / shortest step along a line, median line",
            [float(np.median(f["uneven"])) for f in figures],
            "<=",
            3.0,
        ),
        over_seeds("longest / shortest step along a line, worst line", [max(f["uneven"]) for f in figures]),
    ]


EXPERIMENTS = [
    Experiment(
        "fashion",
        f"{IMAGES} images of Fashion-MNIST, {LATENT} latents, {len(SEEDS)} seeds of {STEPS} steps of {BATCH}",
        SHARED | {"pairs": PAIRS, "points": POINTS},
        [{"seed": seed} for seed in SEEDS],
        run,
        claims,
        earlier=[EARLIER | {"pairs": PAIRS, "points": POINTS}],
    )
]
