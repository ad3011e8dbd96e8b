"""Localized GAN on plane curves with known tangents, and on two moons with three labels each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.recipes import Classifies
from tinygan.recipes.systems.lgan import LGAN
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, over_seeds
from tinygan.reproduce.papers.lgan_semi import error

POINTS, ALIGNED = 1000, 0.98
SEEDS = (3, 4, 5)  # settings were chosen on other seeds
ONE = {"latent": 1}


def tangent(curve: str, t: Array) -> Array:
    """The unit tangent (n, 2) at the angle t (n,): of (cos t, sin t), or of t (cos t, sin t)."""
    t = t.astype(np.float64)
    way = np.stack([-np.sin(t), np.cos(t)], axis=1)
    if curve == "swiss-roll":
        way = t[:, None] * way + np.stack([np.cos(t), np.sin(t)], axis=1)
    return way / np.linalg.norm(way, axis=1, keepdims=True)


def run(curve: str, steps: int, settings: dict[str, Any], job: Job, work: Work) -> dict[str, Any]:
    """The alignment |⟨τ, t⟩| / ‖τ‖ of the generator's tangent with the true one, on test points."""
    recipe, state = work.train("lgan", curve, steps=steps, batch=64, seed=job["seed"], settings=ONE | settings)
    assert isinstance(recipe, LGAN)
    x, labels = work.open(curve, "test", job["seed"]).batch(np.arange(POINTS))
    still, tau = recipe.tangents(state, x)
    length = np.linalg.norm(tau[0], axis=1)
    aligned = np.abs((tau[0] * tangent(curve, labels["t"])).sum(axis=1)) / length
    return {
        "share": float((aligned >= ALIGNED).mean()),
        "alignment, 10 %": float(np.quantile(aligned, 0.1)),
        "length": [float(length.mean()), float(length.std())],
        "locality": float(np.abs(still - x).mean()),
    }


def claims(results: Sequence[Result]) -> list[Claim]:
    shares = [100 * r.figures["share"] for r in results]
    return [over_seeds(f"points with alignment ≥ {ALIGNED}, %", shares, ">=", 90.0)]


def of_curve(name: str, steps: int, settings: dict[str, Any]) -> Experiment:
    """The experiment on one curve."""
    about = f"alignment with the true tangent of a {name}, {len(SEEDS)} seeds of {steps} steps"
    own = {"steps": steps, "settings": ONE | settings}
    return Experiment(name, about, own, [{"seed": seed} for seed in SEEDS], partial(run, name, steps, settings), claims)


CIRCLE = {"orthonormal": {"eta": 1.0, "tangents": 1}, "gamma": 0.01, "adam_D": {"lr": 1e-3}}
ROLL = {
    "sigma": 0.5,
    "orthonormal": {"eta": 0.5, "tangents": 1},
    "adam_D": {"lr": 2e-3},
    "adam_G": {"schedule": {"kind": "linear", "over": 3000, "end": 0.1}},
}

# ---------------------------------------------------------------- two moons

MOONS_SEEDS = range(5, 10)  # settings were chosen on other seeds
MOONS_STEPS = 2100
TERM = {"weight": 0.01, "tangents": 1, "samples": 64, "after": 700}
MOONS = {
    "latent": 1,
    "sigma": 0.5,
    "orthonormal": {"eta": 0.5, "tangents": 1},
    "judge": {
        "labels": 3,
        "labelled": 6,
        "dropout": 0.0,
        "game": "non-saturating",
        "adam": {"lr": 3e-3},
    },
}


def run_moons(job: Job, work: Work) -> dict[str, Any]:
    """The error on 10,000 test points, with or without the Laplace-Beltrami term."""
    own = MOONS | {"intrinsic": TERM | ({} if job["term"] else {"weight": 0.0})}
    recipe, state = work.train("lgan-semi", "moons", steps=MOONS_STEPS, batch=64, seed=job["seed"], settings=own)
    assert isinstance(recipe, Classifies)
    return {"error": error(recipe, state, work.open("moons", "test", job["seed"]))}


def claims_moons(results: Sequence[Result]) -> list[Claim]:
    by = {(r.job["term"], r.job["seed"]): 100 * r.figures["error"] for r in results}
    errors = {term: [by[term, seed] for seed in MOONS_SEEDS] for term in (1, 0)}
    no_worse = sum(a <= b for a, b in zip(errors[1], errors[0], strict=True))
    return [
        over_seeds("error %, with the Laplace-Beltrami term", errors[1], "<=", 5.0),
        over_seeds("error %, without the term", errors[0]),
        Claim(f"seeds of {len(MOONS_SEEDS)} in which the term does not increase the error", no_worse, ">=", 4),
    ]


EXPERIMENTS = [
    of_curve("circle", 1500, CIRCLE),
    of_curve("swiss-roll", 3000, ROLL),
    Experiment(
        "moons",
        "two moons, 3 labels each, 5 seeds",
        {"steps": MOONS_STEPS, "settings": MOONS, "term": TERM},
        [{"term": term, "seed": seed} for seed in MOONS_SEEDS for term in (1, 0)],
        run_moons,
        claims_moons,
    ),
]
