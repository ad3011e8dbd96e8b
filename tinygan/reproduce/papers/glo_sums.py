"""Sums of GLO's latents: A with an attribute − A + B shall be B with it (Bojanowski et al. 2018, §4, by eye there).

Half of the images, by chance, have an attribute made for the purpose: they are *inverted*, white for black, or *framed*, their
outermost two pixels white. For every two classes A and B the difference of two means over A is added to the latent of an image
of B, in the mean with those nearest to it (a class has several kinds, whose mean is none), and decoded. A picture has the
attribute where its border is bright; its class is told by a classifier that sees it without: inverted back, or its border
black. The second attribute came after the first fell short: −x is no x + constant, neither in pixels nor in principal
components, where A's own part is turned around too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.data import Dataset
from tinygan.formats.png import write_png
from tinygan.images.grid import make_grid
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of, over_seeds
from tinygan.reproduce.papers.glo import DATA, EARLIER, IMAGES, LATENT, SEEDS, SHARED, Table, trained
from tinygan.sampling.interpolation import arithmetic

INVERTED = "inverted"
ATTRIBUTES = (INVERTED, "framed")
DRAWS, MEAN, NEAR = 5, 30, 3  # sums for every two classes, latents in the means of A, and near ones in that of B
ROWS = 8  # of a picture, two sums in each


def border(x: Array) -> Array:
    """Which pixels of images (n, H, W, C) are the outermost two (H, W)."""
    outside = np.ones(x.shape[1:3], bool)
    outside[2:-2, 2:-2] = False
    return outside


def framed(x: Array, value: float) -> Array:
    """x with a border of one value."""
    return np.where(border(x)[..., None], np.float32(value), x)


class Altered:
    """The first n images of ``data``, half of them with an attribute; the label "altered" says which."""

    def __init__(self, data: Dataset, n: int, seed: int, attribute: str) -> None:
        self.name, self.shape, self.classes, self._data = data.name, data.shape, data.classes, data
        self.size: int | None = n
        self._altered, self._attribute = np.random.default_rng(seed).random(n) < 0.5, attribute

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        x, labels = self._data.batch(index)
        altered, other = self._altered[index], -x if self._attribute == INVERTED else framed(x, 1)
        return np.where(altered[:, None, None, None], other, x), labels | {"altered": altered}


def run(job: Job, work: Work) -> dict[str, Any]:
    """Shares of sums that are B with the attribute: of means of latents, of single ones, of the same means of pixels; and of
    the table's own images with it, and as G makes them."""
    attribute, seed = job["attribute"], job["seed"]
    table = trained(Altered(work.open(DATA, least=IMAGES), IMAGES, seed, attribute), seed, work)
    judge, rng = work.features(DATA, 0), np.random.default_rng(seed)

    def shares_of(x: Array, label: Array) -> dict[str, float]:
        bright = x[:, border(x)].mean(axis=(1, 2)) > 0
        right = judge(-x if attribute == INVERTED else framed(x, -1))[1].argmax(axis=1) == label
        shares = {"attribute": bright, "class": right, "both": bright & right}
        return {name: float(hits.mean()) for name, hits in shares.items()}

    B, places = trios(table, MEAN, NEAR, rng)
    made = summed(table, places)
    if seed == SEEDS[0]:
        shown = made[rng.permutation(len(made))[: 2 * ROWS]]
        work.pictures.mkdir(parents=True, exist_ok=True)
        write_png(work.pictures / f"sums-{attribute}.png", make_grid(shown.reshape(-1, *table.recipe.shape)))
    flat = table.x.reshape(IMAGES, -1)
    pixels = np.clip([arithmetic(*(flat[i] for i in trio))[3] for trio in places], -1, 1).reshape(
        -1, *table.recipe.shape
    )
    found = {"means": shares_of(made[:, 3], B), "pixels": shares_of(pixels, B)}
    B, places = trios(table, 1, 1, rng)
    found["single"] = shares_of(summed(table, places)[:, 3], B)
    altered, label = table.labels["altered"], table.labels["class"]
    found["images"] = shares_of(table.x[altered], label[altered])
    found["again"] = shares_of(table.recipe.decode(table.state, table.state.Z[altered]), label[altered])
    found["without"] = shares_of(table.x[~altered], label[~altered])
    return found


def trios(table: Table, n: int, near: int, rng: np.random.Generator) -> tuple[Array, list[tuple[Array, Array, Array]]]:
    """DRAWS times for every two classes A, B: B; and places of n images of A with the attribute, of n without, and of an image
    of B without and of those nearest to it, ``near`` in all."""
    kind, Z = 2 * table.labels["class"] + table.labels["altered"], table.state.Z
    classes = np.unique(table.labels["class"])
    labels, places = [], []
    for a, b in [(a, b) for a in classes for b in classes if a != b] * DRAWS:
        with_, without, other = (np.flatnonzero(kind == of) for of in (2 * a + 1, 2 * a, 2 * b))
        far = np.linalg.norm(Z[other] - Z[rng.choice(other)], axis=1)
        places.append((rng.choice(with_, n, False), rng.choice(without, n, False), other[np.argsort(far)[:near]]))
        labels.append(b)
    return np.array(labels), places


def summed(table: Table, places: list[tuple[Array, Array, Array]]) -> Array:
    """Images of the three means and of their sum, (m, 4, H, W, C)."""
    z = np.concatenate([arithmetic(*(table.state.Z[i] for i in trio)) for trio in places])
    return table.recipe.decode(table.state, z).reshape(len(places), 4, *table.recipe.shape)


def claims(results: Sequence[Result]) -> list[Claim]:
    found = []
    for attribute in ATTRIBUTES:
        figures = figures_of(results, attribute=attribute)

        def of(kind: str, what: str = "both", figures: list[dict[str, Any]] = figures) -> list[float]:
            return [100 * f[kind][what] for f in figures]

        found += [
            over_seeds(f"{attribute}: correct sums of mean latents, %", of("means"), ">=", 80.0),
            over_seeds(f"{attribute}: these sums, attribute correct, %", of("means", "attribute")),
            over_seeds(f"{attribute}: these sums, class correct, %", of("means", "class")),
            over_seeds(f"{attribute}: correct sums of single latents, %", of("single")),
            over_seeds(f"{attribute}: correct sums of mean images (pixels), %", of("pixels")),
            over_seeds(f"{attribute}: real images with the attribute, classified correctly, %", of("images")),
            over_seeds(f"{attribute}: their reconstructions by G, classified correctly, %", of("again")),
            over_seeds(f"{attribute}: real images without it, classified as with it, %", of("without", "attribute")),
        ]
    return found


EXPERIMENTS = [
    Experiment(
        "sums",
        f"A with an attribute − A + B on {IMAGES} images of Fashion-MNIST, half of them with it, {LATENT} latents",
        SHARED | {"draws": DRAWS, "mean": MEAN, "near": NEAR},
        [{"attribute": attribute, "seed": seed} for attribute in ATTRIBUTES for seed in SEEDS],
        run,
        claims,
        earlier=[EARLIER | {"draws": DRAWS, "mean": MEAN, "near": NEAR}],
    )
]
