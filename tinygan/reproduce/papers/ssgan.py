"""Self-supervised GAN: does a rotation loss close the gap to a conditional GAN (Chen et al. 2019, table 1)?

Four systems with the same networks and steps: unconditional; with the rotation loss; also with self-modulated normalisation;
and class-conditional with a projection discriminator. The setting is the unstable one of the paper, β₁ = 0.5 and one step of
D per step of G. Rates and sum pooling were chosen on seed 7 of CIFAR-10, and on seed 0 of a first version with mean pooling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinygan.data import Dataset
from tinygan.evaluation.evaluate import measure
from tinygan.evaluation.extractors import OWN
from tinygan.images.rotation import rotations
from tinygan.recipes import Generative
from tinygan.recipes.systems.ssgan import SSGAN
from tinygan.reproduce.harness.experiment import (
    Claim,
    Experiment,
    Job,
    Result,
    Work,
    figures_of,
    over_seeds,
    random_indices,
)
from tinygan.sampling.generated import GeneratedDataset

PLAIN, ROTATION, MODULATED, CONDITIONAL = "unconditional", "SS-GAN", "SS-GAN (sBN)", "conditional"
METHODS = (PLAIN, ROTATION, MODULATED, CONDITIONAL)
OWN_SETTINGS: dict[str, dict[str, Any]] = {
    PLAIN: {"alpha": 0.0, "beta": 0.0},
    ROTATION: {},
    MODULATED: {"self_modulated": True},
    CONDITIONAL: {"loss": "non-saturating"},
}
SAMPLES, TURNED = 5000, 1000  # images for the distance; images rotated, four times each


class Setting(NamedTuple):
    """A data set: networks and steps; the steps of the classifier that gives the features, and whether it uses flips."""

    data: str
    steps: int
    batch: int
    width: int
    lr: float
    features: int
    flip: bool


def options(setting: Setting, method: str, seed: int) -> dict[str, Any]:
    """The options of a training. All methods share everything except what defines them."""
    adam = {"lr": setting.lr, "b1": 0.5, "b2": 0.999}
    own = {"width_G": setting.width, "width_D": setting.width, "latent": 128, "ema": 0.0}
    own |= {"adam_G": adam, "adam_D": adam} | OWN_SETTINGS[method]
    every = {"save_every": setting.steps // 6, "keep": 6}
    return {"steps": setting.steps, "batch": setting.batch, "seed": seed, "settings": own} | every


def run(setting: Setting, job: Job, work: Work) -> dict[str, Any]:
    """The Frechet distance to the test split and, for an SS-GAN, D's accuracy on rotations."""
    name = "pcgan" if job["method"] == CONDITIONAL else "ssgan"
    real = work.open(setting.data, "test", least=SAMPLES)
    recipe, state = work.train(name, setting.data, **options(setting, job["method"], job["seed"]))
    assert isinstance(recipe, Generative)
    extractor = work.features(setting.data, setting.features, flip=setting.flip)
    made = GeneratedDataset(job["method"], recipe, state, seed=0)
    (value,) = measure(made, real, extractor, OWN, ("frechet",), n=SAMPLES).values
    figures: dict[str, Any] = {"distance": value.value, "floor": value.floor, "features": extractor.name}
    if job["method"] in (ROTATION, MODULATED):
        assert isinstance(recipe, SSGAN)
        figures |= {
            "turns, real": rotation_accuracy(recipe, state, real),
            "turns, fake": rotation_accuracy(recipe, state, made),
        }
    return figures


def rotation_accuracy(recipe: SSGAN, state: Any, data: Dataset) -> float:
    """D's accuracy on the rotations of TURNED images of a set, each in all four rotations."""
    right = 0
    for part in np.split(random_indices(data, TURNED), TURNED // 100):
        turned, label = rotations(data.batch(part)[0])
        right += int((recipe.logits(state, turned)[:, 1:].argmax(axis=1) == label).sum())
    return right / (4 * TURNED)


def values(results: Sequence[Result], method: str, figure: str) -> list[float]:
    """The values of a figure, by seed."""
    return [f[figure] for f in figures_of(results, method=method)]


def claims(most: float, turns: dict[str, float], published: dict[str, str], results: Sequence[Result]) -> list[Claim]:
    """Distances; the ratio of SS-GAN to the unconditional GAN, at most ``most``; the closed part of the gap to the conditional
    GAN; and D's accuracy on rotations, at least ``turns`` for real and generated images (0: no bound)."""
    found = [
        over_seeds(
            f"Frechet distance (own features), {m}", values(results, m, "distance"), published=published.get(m, "")
        )
        for m in METHODS
    ]
    plain, rotation, modulated, conditional = (claim.value for claim in found)
    found.append(Claim("SS-GAN / unconditional, ratio of medians", rotation / plain, "<=", most))
    for name, value in ((ROTATION, rotation), (MODULATED, modulated)):
        closed = 100 * (plain - value) / (plain - conditional) if conditional < plain else math.nan  # there is no gap
        found.append(
            Claim(
                f"gap to the conditional GAN closed by {name}, %",
                closed,
                published=published.get(f"gap {name}", ""),
            )
        )
    for where, bound in turns.items():
        shares = values(results, ROTATION, f"turns, {where}")
        least: Any = (">=", bound) if bound else ()
        found.append(over_seeds(f"accuracy of rotations, {where} images, {ROTATION}", shares, *least))
    return found


PUBLISHED = {  # Chen et al. 2019, table 1: FID on CIFAR-10, best of 3 seeds; the gaps are computed from them
    PLAIN: "19.73 (FID)",
    ROTATION: "17.11",
    MODULATED: "15.65",
    CONDITIONAL: "15.60",
    f"gap {ROTATION}": "63",
    f"gap {MODULATED}": "99",
}


def experiment(
    name: str, about: str, setting: Setting, most: float, turns: tuple[float, float], published: dict[str, str]
) -> Experiment:
    """The experiment on one data set."""
    jobs = [{"method": method, "seed": seed} for method in METHODS for seed in range(3)]
    shared = setting._asdict() | {"options": options(setting, PLAIN, 0) | {"seed": ""}, "own": OWN_SETTINGS}
    return Experiment(
        name,
        about,
        shared,
        jobs,
        partial(run, setting),
        partial(claims, most, dict(zip(("real", "fake"), turns, strict=True)), published),
    )


CIFAR = Setting("cifar-10", steps=1200, batch=32, width=32, lr=4e-4, features=4000, flip=True)
FASHION = Setting("fashion-mnist", steps=900, batch=32, width=24, lr=4e-4, features=0, flip=True)

EXPERIMENTS = [
    experiment(
        "cifar", "CIFAR-10, β₁ = 0.5, one step of D per G step: Frechet distance", CIFAR, 0.95, (0.0, 0.0), PUBLISHED
    ),
    experiment(
        "fashion",
        "Fashion-MNIST, β₁ = 0.5, one step of D per G step: Frechet distance",
        FASHION,
        1.05,
        (0.85, 0.70),
        {},
    ),
]
