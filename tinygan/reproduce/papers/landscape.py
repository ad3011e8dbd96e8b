"""Losses x penalties x normalisations of D at an equal budget, like a small version of Kurach et al. 2019 ("GAN landscape").

All cells train DCGAN's networks and differ only in these three choices; nothing is tuned per cell. Kurach et al. recommend the
non-saturating loss with spectral normalisation first, and a gradient penalty if the budget allows. Their FIDs are of much
longer runs, so only the order can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from tinygan.errors import Diverged
from tinygan.evaluation.evaluate import measure
from tinygan.evaluation.extractors import OWN
from tinygan.recipes import Generative
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of, over_seeds
from tinygan.sampling.generated import GeneratedDataset

LOSSES = ("non-saturating", "least-squares", "hinge", "wasserstein")
PENALTIES = ("none", "wgan-gp", "r1")
NORMS = ("none", "batch", "layer", "spectral")
DATA, SAMPLES, SEEDS = "fashion-mnist", 5000, 3
LOST = 1000.0  # the distance given to a training that ended in a NaN; it is worse than noise
SETTINGS: dict[str, Any] = {"net": "dcgan", "dropout": 0.0, "width": 16, "gamma": 1.0, "norm_G": "batch"}
SETTINGS |= {name: {"lr": 5e-4, "b1": 0.5} for name in ("adam_G", "adam_D")}
OPTIONS: dict[str, Any] = {"steps": 600, "batch": 32}


def run(job: Job, work: Work) -> dict[str, Any]:
    """The Frechet distance of 5,000 images to the test split."""
    own = SETTINGS | {"loss": job["loss"], "penalty": job["penalty"], "norm_D": job["norm"]}
    try:
        recipe, state = work.train("gan", DATA, **OPTIONS, seed=job["seed"], settings=own)
    except Diverged:
        return {"distance": LOST, "diverged": True}
    assert isinstance(recipe, Generative)
    made = GeneratedDataset("landscape", recipe, state, seed=0)
    real = work.open(DATA, "test", least=SAMPLES)
    (value,) = measure(made, real, work.features(DATA, 0), OWN, ("frechet",), n=SAMPLES).values
    return {"distance": value.value, "floor": value.floor, "diverged": False}


def claims(results: Sequence[Result]) -> list[Claim]:
    """All cells, the marginal medians, and the number of trainings that ended in a NaN."""
    found = []
    for loss in LOSSES:
        for penalty in PENALTIES:
            for norm in NORMS:
                each = distances(results, loss=loss, penalty=penalty, norm=norm)
                found.append(over_seeds(f"{loss}, {penalty}, {norm}", each))
    best = min(found, key=lambda claim: claim.value)
    found.append(Claim(f"best cell: {best.what}", best.value))
    for axis, names in (("loss", LOSSES), ("penalty", PENALTIES), ("norm", NORMS)):
        found += [
            Claim(f"median over all cells with {axis} {n}", median(distances(results, **{axis: n}))) for n in names
        ]
    return [*found, Claim("trainings that ended in a NaN", sum(r.figures["diverged"] for r in results))]


def distances(results: Sequence[Result], **job: Any) -> list[float]:
    return [f["distance"] if math.isfinite(f["distance"]) else LOST for f in figures_of(results, **job)]


EXPERIMENTS = [
    Experiment(
        "fashion",
        "losses x penalties x normalisations of D, Fashion-MNIST, 600 steps each: Frechet distance (own features)",
        {"options": OPTIONS, "settings": SETTINGS, "samples": SAMPLES},
        [
            {"loss": loss, "penalty": penalty, "norm": norm, "seed": seed}
            for seed in range(SEEDS)
            for norm in NORMS
            for penalty in PENALTIES
            for loss in LOSSES
        ],
        run,
        claims,
    )
]
