"""Sums of GLO's latents: inverted A − A + B shall be inverted B (Bojanowski et al. 2018, §4.4, with an attribute made for it).

Half of the images, by chance, are inverted, white for black. For every two classes A and B the means of a few latents each are
added and decoded; a picture is told as inverted where its border is bright, and its class by a classifier that sees it
inverted back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.data import Dataset
from tinygan.data.png import write_png
from tinygan.grid import make_grid
from tinygan.layer import Array
from tinygan.metrics.features import Features
from tinygan.mixing import arithmetic
from tinygan.reproduce.experiment import Claim, Experiment, Job, Result, Work, figures_of, over_seeds
from tinygan.reproduce.glo import DATA, IMAGES, LATENT, SEEDS, SHARED, Table, trained

DRAWS, MEAN = 5, 10  # sums for every two classes, and latents in each mean
ROWS = 8  # of the picture


class Inverted:
    """The first n images of ``data`` with the label "inverted", which half of them are."""

    def __init__(self, data: Dataset, n: int, seed: int) -> None:
        self.name, self.shape, self.classes, self._data = data.name, data.shape, data.classes, data
        self.size: int | None = n
        self._inverted = np.random.default_rng(seed).random(n) < 0.5

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        x, labels = self._data.batch(index)
        inverted = self._inverted[index]
        return np.where(inverted[:, None, None, None], -x, x), labels | {"inverted": inverted}


def run(job: Job, work: Work) -> dict[str, Any]:
    """Shares of sums that are told as inverted B: of means of MEAN latents, of single ones, of the same means of pixels; and
    of the table's inverted images and what it makes of them."""
    table = trained(Inverted(work.open(DATA, least=IMAGES), IMAGES, job["seed"]), job["seed"], work)
    judge, rng = work.features(DATA, 0), np.random.default_rng(job["seed"])
    B, places = trios(table, MEAN, rng)
    made = summed(table, places)
    if job["seed"] == SEEDS[0]:
        shown = made[rng.permutation(len(made))[: 2 * ROWS]]
        work.pictures.mkdir(parents=True, exist_ok=True)
        write_png(work.pictures / "sums.png", make_grid(shown.reshape(-1, *table.recipe.shape), nrow=8))
    flat = table.x.reshape(IMAGES, -1)
    pixels = np.clip([arithmetic(*flat[place])[3] for place in places], -1, 1).reshape(-1, *table.recipe.shape)
    found = {"means": told(judge, made[:, 3], B), "pixels": told(judge, pixels, B)}
    B, places = trios(table, 1, rng)
    found["single"] = told(judge, summed(table, places)[:, 3], B)
    inverted, label = table.labels["inverted"], table.labels["class"]
    again = table.recipe.decode(table.state, table.state.Z[inverted])
    found["images"] = told(judge, table.x[inverted], label[inverted])
    found["again"] = told(judge, again, label[inverted])
    found["normal"] = told(judge, table.x[~inverted], label[~inverted])
    return found


def trios(table: Table, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """DRAWS times for every two classes A, B: B, and the places of n images of inverted A, of A, of B  →  (m,), (m, 3, n)."""
    label, inverted = table.labels["class"], table.labels["inverted"]
    classes = np.unique(label)
    kinds = [(b, ((a, True), (a, False), (b, False))) for a in classes for b in classes if a != b for _ in range(DRAWS)]
    places = [
        [rng.choice(np.flatnonzero((label == of) & (inverted == is_)), n, replace=False) for of, is_ in kind]
        for _, kind in kinds
    ]
    return np.array([b for b, _ in kinds]), np.array(places)


def summed(table: Table, places: Array) -> Array:
    """Images of the three means and of their sum: (m, 3, n)  →  (m, 4, H, W, C)."""
    z = np.concatenate([arithmetic(*table.state.Z[place]) for place in places])
    return table.recipe.decode(table.state, z).reshape(len(places), 4, *table.recipe.shape)


def told(judge: Features, x: Array, label: Array) -> dict[str, float]:
    """Shares of x that are told as inverted, as of their class, as both."""
    inverted, right = bright(x), judge(-x)[1].argmax(axis=1) == label
    return {
        name: float(hit.mean()) for name, hit in (("inverted", inverted), ("class", right), ("both", inverted & right))
    }


def bright(x: Array) -> Array:
    """Whether the outermost pixels of an image are above grey in the mean (n,)."""
    inside = np.zeros(x.shape[1:3], bool)
    inside[1:-1, 1:-1] = True
    shares: Array = x[:, ~inside].mean(axis=(1, 2)) > 0
    return shares


def claims(results: Sequence[Result]) -> list[Claim]:
    figures = figures_of(results)

    def of(kind: str, what: str = "both") -> list[float]:
        return [100 * f[kind][what] for f in figures]

    return [
        over_seeds(f"sums that are inverted B, %, means of {MEAN} latents", of("means"), ">=", 80.0),
        over_seeds("of them inverted", of("means", "inverted")),
        over_seeds("of them of class B", of("means", "class")),
        over_seeds("sums of single latents that are inverted B, %", of("single")),
        over_seeds(f"sums of means of {MEAN} images, in pixels, that are inverted B, %", of("pixels")),
        over_seeds("the table's inverted images told rightly, %", of("images")),
        over_seeds("the same as G makes them, %", of("again")),
        over_seeds("normal images told as inverted, %", of("normal", "inverted")),
    ]


EXPERIMENTS = [
    Experiment(
        "sums",
        f"inverted A − A + B on {IMAGES} images of Fashion-MNIST, half of them inverted, {LATENT} latents, {len(SEEDS)} seeds",
        SHARED | {"draws": DRAWS, "mean": MEAN},
        [{"seed": seed} for seed in SEEDS],
        run,
        claims,
    )
]
