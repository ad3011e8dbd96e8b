"""Latent arithmetic in GLO: A with an attribute − A + B should be B with the attribute (Bojanowski et al. 2018, §4).

A random half of the images has an artificial attribute: they are *inverted* (white for black) or *framed* (the outermost two
pixels white). For two classes A and B, the difference of two mean latents of A is added to a latent of B and decoded. The
latent of B is averaged with its nearest neighbours only, because the mean over a class with several modes is not a member. A
picture has the attribute if its border is bright. A classifier predicts its class after the attribute is removed
(inverted again, or the border made black). The second attribute was added after the first had failed: −x is not x + constant,
in pixels or in principal components, because the component of A changes its sign too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.data import Dataset
from tinygan.images.grid import make_grid
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of, over_seeds
from tinygan.reproduce.harness.picture import write_picture
from tinygan.reproduce.papers.glo import DATA, EARLIER, IMAGES, LATENT, SEEDS, SHARED, Table, trained
from tinygan.sampling.interpolation import arithmetic

INVERTED = "inverted"
ATTRIBUTES = (INVERTED, "framed")
DRAWS, MEAN, NEAR = 5, 30, 3  # sums per pair of classes, latents in the means of A, nearest latents in the mean of B
ROWS = 8  # of a picture, with two sums each


def border(x: Array) -> Array:
    """The mask (H, W) of the outermost two pixels of images (n, H, W, C)."""
    outside = np.ones(x.shape[1:3], bool)
    outside[2:-2, 2:-2] = False
    return outside


def framed(x: Array, value: float) -> Array:
    """x with its border set to one value."""
    return np.where(border(x)[..., None], np.float32(value), x)


class Altered:
    """The first n images of ``data``, a random half of them with the attribute; these have the label "altered"."""

    def __init__(self, data: Dataset, n: int, seed: int, attribute: str) -> None:
        self.name, self.shape, self.classes, self._data = data.name, data.shape, data.classes, data
        self.size: int | None = n
        self._altered, self._attribute = np.random.default_rng(seed).random(n) < 0.5, attribute

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        x, labels = self._data.batch(index)
        altered, other = self._altered[index], -x if self._attribute == INVERTED else framed(x, 1)
        return np.where(altered[:, None, None, None], other, x), labels | {"altered": altered}


def run(job: Job, work: Work) -> dict[str, Any]:
    """The fractions of sums that are B with the attribute, for mean latents, single latents and mean pixels; and the same for
    the real images and their reconstructions."""
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
        write_picture(work.pictures / f"sums-{attribute}.png", make_grid(shown.reshape(-1, *table.recipe.shape)))
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
    """For DRAWS draws of every pair of classes A, B: the class B, and the indices of n images of A with the attribute, of n
    images of A without it, and of ``near`` images of B without it (one and its nearest)."""
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
    """The images of the three means and of their sum, (m, 4, H, W, C)."""
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
        f"A with an attribute − A + B on {IMAGES} images of Fashion-MNIST, half of them with it, {LATENT}-d latents",
        SHARED | {"draws": DRAWS, "mean": MEAN, "near": NEAR},
        [{"attribute": attribute, "seed": seed} for attribute in ATTRIBUTES for seed in SEEDS],
        run,
        claims,
        earlier=[EARLIER | {"draws": DRAWS, "mean": MEAN, "near": NEAR}],
    )
]
