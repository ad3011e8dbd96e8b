"""The normalising flow on two moons: is it inverted exactly, and is its likelihood above that of a mixture of Gaussians?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.recipes.systems.flow import Flow
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, over_seeds
from tinygan.reproduce.harness.plot import pyplot

DATA, SEEDS, STEPS, BATCH = "moons", range(3), 16_000, 256
FALL = {"kind": "cosine", "over": STEPS, "end": 0.0}
OWN: dict[str, Any] = {"adam": {"lr": 4e-3, "schedule": FALL}}
POINTS, FRESH = 10_000, 20_000  # training points of the mixture; test points
GAUSSIANS, ROUNDS, STARTS = 8, 200, 5
SIGMA, ARC = 0.1, np.linspace(0, np.pi, 2001)  # noise of the moons; angles for the quadrature of their density
VIEW = (-1.6, 2.6, -1.1, 1.6)


def run(job: Job, work: Work) -> dict[str, Any]:
    """−log p of test points under the flow, the mixture and the true density; and max |x − F⁻¹(F(x))|."""
    options = {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "settings": OWN, "backend": "reference"}
    recipe, state = work.train("flow", DATA, **options)
    assert isinstance(recipe, Flow)
    train, test = (
        work.open(DATA, split, job["seed"]).batch(np.arange(n))[0] for split, n in (("train", POINTS), ("test", FRESH))
    )
    draw(recipe, state, test[:2000], work.pictures / f"{DATA}-seed{job['seed']}.png")
    return {
        "NLL": -float(recipe.log_p(state, test).mean()),
        "of the mixture": -float(log_mixture(test, *fitted(train, np.random.default_rng(job["seed"]))).mean()),
        "of the truth": -float(log_moons(test).mean()),
        "undone": undone(recipe, state, test),
        "undone, float64": undone(recipe, state._replace(F=state.F.astype(np.float64)), test.astype(np.float64)),
    }


def undone(recipe: Flow, state: Any, x: Array) -> float:
    """max |x − F⁻¹(F(x))|."""
    z = recipe.F.forward(state.F, recipe.with_log_det(x))[0][:, :-1]
    return float(np.abs(recipe.sample(state, z) - x).max())


# ---------------------------------------------------------------- densities


def fitted(x: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Log weights (K,), means (K, d) and covariances (K, d, d) by expectation maximisation, the best of STARTS runs."""
    x, found = x.astype(np.float64), []
    for _ in range(STARTS):
        log_w = np.full(GAUSSIANS, -np.log(GAUSSIANS))
        means, covariances = x[rng.choice(len(x), GAUSSIANS, replace=False)], np.tile(np.cov(x.T), (GAUSSIANS, 1, 1))
        for _ in range(ROUNDS):
            each = log_each(x, log_w, means, covariances)
            share = np.exp(each - np.logaddexp.reduce(each, axis=1, keepdims=True))  # responsibilities
            mass = share.sum(axis=0)
            log_w, means = np.log(mass / len(x)), share.T @ x / mass[:, None]
            apart = x[:, None] - means
            covariances = np.einsum("nk,nki,nkj->kij", share, apart, apart) / mass[:, None, None] + 1e-6 * np.eye(
                x.shape[1]
            )
        found.append((float(log_mixture(x, log_w, means, covariances).mean()), (log_w, means, covariances)))
    return max(found, key=lambda fit: fit[0])[1]


def log_each(x: Array, log_w: Array, means: Array, covariances: Array) -> Array:
    """log w_k N(x; μ_k, Σ_k), (n, K)."""
    apart = x[:, None] - means
    square = np.einsum("nki,kij,nkj->nk", apart, np.linalg.inv(covariances), apart)
    return log_w - (square + np.linalg.slogdet(2 * np.pi * covariances)[1]) / 2


def log_mixture(x: Array, *fit: Array) -> Array:
    """log p(x) (n,) of the mixture."""
    return np.logaddexp.reduce(log_each(x, *fit), axis=1)


def log_moons(x: Array) -> Array:
    """log p(x) of the data: the mean of N(x; c(t), σ²) over the angle t of two half circles, by Simpson's rule on ARC."""
    weights = np.where(np.arange(len(ARC)) % 2, 4.0, 2.0)
    weights[[0, -1]] = 1.0
    weights /= weights.sum()
    c = np.stack([np.cos(ARC), np.sin(ARC)], axis=1)
    p = np.zeros(len(x))
    for some in np.array_split(np.arange(len(x)), max(len(x) // 1000, 1)):
        for moon in (c, [1.0, 0.5] - c):
            square = ((x[some, None].astype(np.float64) - moon) ** 2).sum(axis=2) / SIGMA**2
            p[some] += np.exp(-square / 2) @ weights / 2
    return np.log(p / (2 * np.pi * SIGMA**2))


# ---------------------------------------------------------------- figures


def claims(results: Sequence[Result]) -> list[Claim]:
    """The flow's gain over the mixture in every seed, and the error of its inverse."""
    figures = [r.figures for r in results]
    gained = [f["of the mixture"] - f["NLL"] for f in figures]
    return [
        over_seeds("−log p of test points by the flow, nats", [f["NLL"] for f in figures]),
        over_seeds(f"−log p of test points by {GAUSSIANS} Gaussians, nats", [f["of the mixture"] for f in figures]),
        over_seeds("−log p of test points by the true density, nats", [f["of the truth"] for f in figures]),
        Claim("gain of the flow over the Gaussians, smallest of the seeds, nats", min(gained), ">=", 1e-3),
        Claim("max |x − F⁻¹(F(x))| over all seeds, float64", max(f["undone, float64"] for f in figures), "<=", 1e-6),
        Claim("max |x − F⁻¹(F(x))| over all seeds, float32", max(f["undone"] for f in figures), "<=", 1e-6),
    ]


def draw(recipe: Flow, state: Any, x: Array, path: Path) -> None:
    """Plot points of the data, samples of the flow, and its density."""
    plt = pyplot()
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
    made = recipe.sample(state, recipe.latents(len(x), np.random.default_rng(0)))
    for axes, points, title in ((left, x, "two moons"), (middle, made, "samples of the flow")):
        axes.scatter(*points.T, s=1, color="black")
        axes.set_title(title)
    across, up = np.linspace(*VIEW[:2], 210, dtype=np.float32), np.linspace(*VIEW[2:], 135, dtype=np.float32)
    plane = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    density = np.exp(recipe.log_p(state, plane)).reshape(len(up), len(across))
    right.imshow(density, extent=VIEW, origin="lower", cmap="magma", aspect="auto")
    right.set_title("its density")
    for axes in (left, middle, right):
        axes.set(xlim=VIEW[:2], ylim=VIEW[2:], xticks=(), yticks=())
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


EXPERIMENTS = [
    Experiment(
        "moons",
        f"two moons, {len(SEEDS)} seeds of {STEPS} steps of {BATCH} points",
        {"steps": STEPS, "batch": BATCH, "settings": OWN, "gaussians": GAUSSIANS},
        [{"seed": seed} for seed in SEEDS],
        run,
        claims,
    )
]
