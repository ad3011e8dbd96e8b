"""Localized GAN on curves of the plane, whose tangents are known, and on two moons with three labels each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from tinygan.layer import Array
from tinygan.recipes import Classifying
from tinygan.recipes.lgan import LGAN
from tinygan.reproduce.experiment import Claim, Experiment, Job, Result, Work
from tinygan.reproduce.lgan_semi import error

POINTS, ALIGNED = 1000, 0.98
SEEDS = (3, 4, 5)  # none of which a setting was chosen on
ONE = {"latent": 1, "orthonormal": {"tangents": 1}}


def tangent(curve: str, t: Array) -> Array:
    """The unit tangent (n, 2) at the angle t (n,): of (cos t, sin t), or of t (cos t, sin t)."""
    t = t.astype(np.float64)
    way = np.stack([-np.sin(t), np.cos(t)], axis=1)
    if curve == "swiss-roll":
        way = t[:, None] * way + np.stack([np.cos(t), np.sin(t)], axis=1)
    return way / np.linalg.norm(way, axis=1, keepdims=True)


def run(curve: str, steps: int, settings: dict[str, Any], job: Job, work: Work) -> dict[str, Any]:
    """|⟨τ, t⟩| / ‖τ‖ on test points."""
    orthonormal = ONE["orthonormal"] | settings["orthonormal"]
    own = ONE | settings | {"orthonormal": orthonormal}
    recipe, state = work.train("lgan", curve, steps=steps, batch=64, seed=job["seed"], settings=own)
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


def judge(results: Sequence[Result]) -> list[Claim]:
    shares = [100 * r.figures["share"] for r in results]
    each = ", ".join(f"{share:.1f}" for share in shares)
    return [Claim(f"points with alignment ≥ {ALIGNED}, %, median ({each})", median(shares), ">=", 90.0)]


def curve(name: str, steps: int, settings: dict[str, Any]) -> Experiment:
    """The experiment of a curve."""
    about = f"tangents of N = 1 on {name}, {len(SEEDS)} seeds of {steps} steps"
    return Experiment(name, about, [{"seed": seed} for seed in SEEDS], partial(run, name, steps, settings), judge)


CIRCLE = {"orthonormal": {"eta": 1.0}, "gamma": 0.01, "adam_D": {"lr": 1e-3}}
ROLL = {
    "sigma": 0.5,
    "orthonormal": {"eta": 0.5},
    "adam_D": {"lr": 2e-3},
    "adam_G": {"schedule": {"kind": "linear", "over": 3000, "end": 0.1}},
}

# ---------------------------------------------------------------- two moons

MOONS_SEEDS = range(5, 10)  # as above
MOONS_STEPS = 2100
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
    """The error on 10,000 test points, with the Laplace-Beltrami term or without."""
    intrinsic = {"weight": 0.01 * job["term"], "tangents": 1, "samples": 64, "after": 700}
    own = MOONS | {"intrinsic": intrinsic}
    recipe, state = work.train("lgan-semi", "moons", steps=MOONS_STEPS, batch=64, seed=job["seed"], settings=own)
    assert isinstance(recipe, Classifying)
    return {"error": error(recipe, state, work.open("moons", "test", job["seed"]))}


def judge_moons(results: Sequence[Result]) -> list[Claim]:
    by = {(r.job["term"], r.job["seed"]): 100 * r.figures["error"] for r in results}
    means = {term: [by[term, seed] for seed in MOONS_SEEDS] for term in (1, 0)}
    each = {term: ", ".join(f"{e:.2f}" for e in errors) for term, errors in means.items()}
    no_worse = sum(a <= b for a, b in zip(means[1], means[0], strict=True))
    return [
        Claim(f"error %, with the term, median ({each[1]})", median(means[1]), "<=", 5.0),
        Claim(f"the same without ({each[0]})", median(means[0])),
        Claim(f"seeds of {len(MOONS_SEEDS)} where it is no worse with", no_worse, ">=", 4),
    ]


EXPERIMENTS = [
    curve("circle", 1500, CIRCLE),
    curve("swiss-roll", 3000, ROLL),
    Experiment(
        "moons",
        "two moons, 3 labels each, 5 seeds",
        [{"term": term, "seed": seed} for seed in MOONS_SEEDS for term in (1, 0)],
        run_moons,
        judge_moons,
    ),
]
