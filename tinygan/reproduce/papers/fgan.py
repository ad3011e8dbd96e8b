"""A Gaussian fitted to a mixture by f-GAN, compared with quadrature (Nowozin et al. 2016, §2.5, with another mixture).

P = 0.3 N(−1.5, 0.5²) + 0.7 N(1, 0.75²),   G(z) = μ + σz,   D a perceptron 1-64-64-1 of hyperbolic tangents.

The bound F(θ, ω) of the learned D is also computed by quadrature, so its comparison with D_f(P‖Q_θ) has no sampling noise.
G minimises F, which decreases D_f. In one more game with the KL divergence, G maximises E g_f(D(G(z))) instead. That game ends
near the minimum of the reverse KL (``recipes/systems/fgan.py`` explains why).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.streams import ExperimentStream
from tinygan.data import Batch, Sample
from tinygan.errors import Diverged
from tinygan.layers import Linear, Tanh
from tinygan.objectives.divergences import ROWS
from tinygan.optim import Adam, Schedule
from tinygan.recipes.shared.adversarial import AdversarialRecipe, State
from tinygan.recipes.systems.fgan import FGAN, Settings
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of
from tinygan.reproduce.harness.plot import curves, quantile_band
from tinygan.reproduce.papers.line import (
    GaussianMixture,
    X,
    bound,
    by_samples,
    f_divergence,
    gaussian,
    log_normal,
    nearest_gaussian,
)

P = GaussianMixture((0.3, 0.7), (-1.5, 1.0), (0.5, 0.75))
FITTED = ("kl", "reverse-kl", "jensen-shannon", "pearson")  # these have bounds
ROWS_HERE = (*FITTED, "gan", "squared-hellinger")
SEEDS = (0, 1, 2)  # settings were chosen on other seeds
N, STEPS, CRITIC, END = 512, 3000, 2, 0.02
FRESH = 200_000  # samples of each distribution for the Monte Carlo estimate


def perceptron() -> Net:
    """x (N, 1) → (N, 1)."""
    return Net(Linear(1, 64), Tanh(), Linear(64, 64), Tanh(), Linear(64, 1))


def adam(lr: float, steps: int) -> Adam:
    """Adam with a rate that decreases linearly to a fiftieth, which reduces the noise of batches."""
    return Adam(lr=lr, b2=0.99, schedule=Schedule("linear", steps, END))


class Fit(FGAN):
    """The one-dimensional game: a generator with two parameters (σ, μ)."""

    def __init__(self, divergence: Any, saturating: bool) -> None:
        settings = Settings(
            divergence=divergence,
            saturating=saturating,
            latent=1,
            n_critic=CRITIC,
            ema=0.995,
            adam_G=adam(1e-2, STEPS),
            adam_D=adam(3e-3, STEPS * CRITIC),
        )
        AdversarialRecipe.__init__(self, settings, Sample((1,)), Net(Linear(1, 1)), perceptron())


def with_gaussian(state: State, mean: float, sigma: float) -> State:
    """The state with this Gaussian as its generator."""
    theta = np.array([sigma, mean], np.float32)
    return state._replace(G=theta, G_ema=theta)


def critic_values(D: Net, theta: Array, x: Array) -> Array:
    """D's outputs (n,) at x (n,) or (n, 1), in float64."""
    return D.forward(theta.astype(np.float64), x.reshape(-1, 1).astype(np.float64))[0][:, 0]


def run(job: Job, work: Work) -> dict[str, Any]:
    """The learned Gaussian; its D_f and F by quadrature; F by new samples, with its standard error."""
    recipe, rng = Fit(job["divergence"], job["saturating"]), np.random.default_rng([job["seed"], ExperimentStream.GAME])
    state = with_gaussian(recipe.init(rng), 0.0, 1.0)
    with np.errstate(all="ignore"):  # results that are not finite are refused below
        for step in range(STEPS):
            if step % 100 == 0:
                work.check_interrupt()
            state, _ = recipe.step(state, Batch(P.draw(N * CRITIC, rng), {}), rng)
        sigma, mean = abs(float(state.G_ema[0])), float(state.G_ema[1])
        Q, row, v = gaussian(mean, sigma), recipe.settings.row, critic_values(recipe.D, state.D, X)
        on_P, error_P = by_samples(lambda x: row.g(critic_values(recipe.D, state.D, x))[0], P.draw(FRESH, rng))
        on_Q, error_Q = by_samples(lambda x: row.h(critic_values(recipe.D, state.D, x))[0], Q.draw(FRESH, rng))
        figures = {
            "mean": mean,
            "sigma": sigma,
            "divergence": float(f_divergence(row, P.log(X), Q.log(X))),
            "bound": bound(row, v, P.log(X), Q.log(X)),
            "bound by samples": on_P - on_Q,
            "error": math.hypot(error_P, error_Q),
        }
    if not np.isfinite([*figures.values()]).all():
        raise Diverged(f"{job['divergence']}: a figure is not finite: {figures}")
    return figures


def worst_seed(what: str, values: Sequence[float], sign: Any = "", limit: float = 0.0, published: str = "") -> Claim:
    """A claim about the largest value over seeds. The name lists the value of each seed in brackets."""
    return Claim(f"{what} ({', '.join(f'{v:.2g}' for v in values)})", max(values), sign, limit, published)


def claims(results: Sequence[Result]) -> list[Claim]:
    def of(name: str, saturating: bool = True) -> list[dict[str, Any]]:
        return figures_of(results, divergence=name, saturating=saturating)

    def off(found: Sequence[dict[str, Any]], truth: tuple[float, float]) -> list[float]:
        return [max(abs(f["mean"] - truth[0]), abs(f["sigma"] - truth[1])) for f in found]

    truth = {name: nearest_gaussian(ROWS[name], P) for name in ROWS_HERE}
    made: list[Claim] = []
    for name in ROWS_HERE:
        least = float(ROWS[name].f(np.ones(1))[0])  # D_f of equal distributions; −log 4 for "gan"
        short = [100 * (f["divergence"] - f["bound"]) / (f["divergence"] - least) for f in of(name)]
        above = [(f["bound by samples"] - f["divergence"]) / f["error"] for f in of(name)]
        made += [
            worst_seed(f"{name}: gap between divergence and bound, %", short, "<=", 5.0),
            Claim(f"{name}: smallest gap (never negative)", min(short), ">=", 0.0),
            worst_seed(f"{name}: bound by {FRESH:,} samples − divergence, standard errors", above, "<=", 3.0),
        ]
        mean, sigma = truth[name]
        words = f"{name}: larger error of μ, σ from {mean:.4f}, {sigma:.4f}"
        made.append(worst_seed(words, off(of(name), truth[name]), *(("<=", 0.05) if name in FITTED else ())))
    wider = [kl["sigma"] - r["sigma"] for kl, r in zip(of("kl"), of("reverse-kl"), strict=True)]
    gap = truth["kl"][1] - truth["reverse-kl"][1]
    made.append(Claim(f"σ by kl − σ by reverse-kl, smallest ({gap:.3f} by quadrature)", min(wider), ">=", 0.05))
    for name in ("reverse-kl", "kl"):
        made.append(
            worst_seed(
                f"kl, not saturating: larger error of μ, σ from those of {name}", off(of("kl", False), truth[name])
            )
        )
    return made


def draw(results: Sequence[Result], folder: Path) -> list[Path]:
    """The densities of the data and of the fitted Gaussians, with their range over seeds."""
    here = X[np.abs(X) <= 5]
    rows: dict[str, Sequence[Sequence[float]]] = {"data": quantile_band([np.exp(P.log(here))])}
    for name in FITTED:
        found = figures_of(results, divergence=name, saturating=True)
        rows[name] = quantile_band([np.exp(log_normal(here, f["mean"], f["sigma"])) for f in found])
    title = "a mixture and Gaussians fitted to it by f-GAN"
    curves(folder / "mixture.png", here.tolist(), rows, size=(8, 4), xlabel="x", ylabel="density", title=title)
    return [folder / "mixture.png"]


GAMES = [(name, True) for name in ROWS_HERE] + [("kl", False)]
EXPERIMENTS = [
    Experiment(
        "mixture",
        f"a Gaussian fitted to a mixture by {len(ROWS_HERE)} divergences, {len(SEEDS)} seeds",
        {"mixture": list(map(list, P)), "batch": N, "steps": STEPS, "n_critic": CRITIC, "rates": [1e-2, 3e-3, END]},
        [{"divergence": name, "saturating": s, "seed": seed} for name, s in GAMES for seed in SEEDS],
        run,
        claims,
        draw,
    )
]
