"""BEGAN on Fashion-MNIST: is the equilibrium kept, does M decrease, and does γ trade diversity for sharpness?

Berthelot et al. 2017, §3.3, 3.4 and fig. 3. M, k and the balance are of single batches, at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.images.grid import make_grid
from tinygan.metrics.memorisation import mean_distance
from tinygan.recipes import Generative
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of, over_seeds
from tinygan.reproduce.harness.picture import write_picture
from tinygan.reproduce.harness.plot import curves, quantile_band

RATIOS, SEEDS = (0.3, 0.5, 0.7), range(3)  # γ
DATA, STEPS, BATCH = "fashion-mnist", 1800, 40
EARLY, LATE = slice(190, 210), slice(-500, None)  # the steps around 200, and the last ones
MADE, SHOWN = 500, 16  # images for the mean distance; images in a picture
BINS = 50  # intervals over which M is averaged for the curve
# Chosen on seed 7. With equal rates of D and G, k stays at 0 and all images are equal. With a batch of 16 the balance is 0.09.
FALL = {"kind": "exponential", "over": STEPS, "end": 0.25}  # the rates end at a quarter
OWN: dict[str, Any] = {
    "gain": 0.05,
    "adam_G": {"lr": 1e-3, "schedule": FALL},
    "adam_D": {"lr": 3e-4, "schedule": FALL},
}


def options(job: Job) -> dict[str, Any]:
    """The options of a training."""
    own = OWN | {"ratio": job["ratio"]}
    return {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "log_every": 1, "settings": own}


def run(job: Job, work: Work) -> dict[str, Any]:
    """The decrease of M, the balance, k, and the mean distance between two images."""
    lines = work.statistics("began", DATA, **options(job))
    M, k, real, fake = (np.array([line[name] for line in lines]) for name in ("M", "k", "L_real", "L_fake"))
    recipe, state = work.train("began", DATA, **options(job))
    assert isinstance(recipe, Generative)
    x = recipe.sample(state, recipe.latents(MADE, np.random.default_rng(0)))
    work.pictures.mkdir(parents=True, exist_ok=True)  # for every seed, because some generate only one image
    write_picture(work.pictures / f"{DATA}-{job['ratio']}-seed{job['seed']}.png", make_grid(x[:SHOWN], nrow=SHOWN))
    balance = job["ratio"] * real - fake
    return {
        "M at 200": float(M[EARLY].mean()),
        "M at the end": float(M[LATE].mean()),
        "balance": float(np.abs(balance[LATE]).mean() / real[LATE].mean()),
        "balance of means": float(abs(balance[LATE].mean()) / real[LATE].mean()),
        "k": [float(k[LATE].min()), float(k[LATE].max())],
        "L_real": float(real[LATE].mean()),
        "distance": mean_distance(x.reshape(len(x), -1)),
        "M": [round(float(part.mean()), 5) for part in np.split(M, BINS)],
    }


def claims(results: Sequence[Result]) -> list[Claim]:
    """For each γ the decrease of M, the balance and k; and in how many seeds the distance grows with γ."""
    found = []
    for ratio in RATIOS:
        figures = figures_of(results, ratio=ratio)
        falls = [100 * (1 - f["M at the end"] / f["M at 200"]) for f in figures]
        found += [
            over_seeds(f"decrease of M from step 200, %, γ = {ratio}", falls, ">=", 40.0),
            over_seeds(
                f"|γ L(x) − L(G)| / L(x), mean over batches, γ = {ratio}", [f["balance"] for f in figures], "<=", 0.05
            ),
            over_seeds(
                f"|γ L(x) − L(G)| / L(x), of mean losses, γ = {ratio}", [f["balance of means"] for f in figures]
            ),
            Claim(f"smallest k in the last steps, γ = {ratio}", min(f["k"][0] for f in figures), ">=", 1e-9),
            Claim(f"largest k in the last steps, γ = {ratio}", max(f["k"][1] for f in figures), "<=", 1 - 1e-9),
            over_seeds(f"mean L2 distance of two images, γ = {ratio}", [f["distance"] for f in figures]),
        ]
    by = {(r.job["ratio"], r.job["seed"]): r.figures["distance"] for r in results}
    rising = sum(by[0.3, seed] < by[0.5, seed] < by[0.7, seed] for seed in SEEDS)
    return [*found, Claim(f"seeds of {len(SEEDS)} where the distance grows with γ", rising, ">=", len(SEEDS))]


def draw(results: Sequence[Result], folder: Path) -> list[Path]:
    """The curve of M."""
    path = folder / "began-M.png"
    rows = {f"γ = {ratio}": quantile_band([f["M"] for f in figures_of(results, ratio=ratio)]) for ratio in RATIOS}
    each = STEPS // BINS
    title = f"BEGAN on {DATA}: M = L(x) + |γ L(x) − L(G)|"
    curves(path, range(each // 2, STEPS, each), rows, xlabel="step", ylabel="M", title=title)
    return [path]


EXPERIMENTS = [
    Experiment(
        "fashion",
        f"Fashion-MNIST, γ of {', '.join(map(str, RATIOS))}, {len(SEEDS)} seeds of {STEPS} steps",
        {"data": DATA, "options": options({"ratio": 0.0, "seed": 0})},
        [{"ratio": ratio, "seed": seed} for ratio in RATIOS for seed in SEEDS],
        run,
        claims,
        draw,
    )
]
