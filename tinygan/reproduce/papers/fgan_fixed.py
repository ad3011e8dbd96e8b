"""D trained to its optimum on two fixed one-dimensional distributions: which value does it reach?

Information. max_D E log D(x) + E log(1 − D(y)) = −log 4 + 2 JSD(P‖Q) (Goodfellow et al. 2014, theorem 1). JSD is the mutual
information between a sample and its origin: with S = 1 for P and S = 0 for Q, ½ each, I(S; x) = H(S) − E H(S | x) = JSD, and
D(x) = P(S = 1 | x).

Kantorovich. max_D E D(x) − E D(y) − λ E(|D'(x̂)| − 1)² (Gulrajani et al. 2017) is slightly larger than W₁(P, Q), because slopes
slightly above 1 cost little. Let Δ(x) be the difference of the two distribution functions, ∫ Δ = W₁, and r the density of
x̂ = εx + (1 − ε)y. If Q lies to one side of P, the optimal slope is 1 + Δ/(2λr). So E|D'(x̂)| = 1 + W₁/(2λ) and
E D(x) − E D(y) = W₁ + ∫ Δ²/(2λr), which is 10 % too large here at λ = 10, the paper's value. A slope can change its sign only
through 0, which the penalty prevents, so a critic that starts with the wrong sign keeps it. This one starts at D = 0, where the
penalty has no gradient (``penalties.centred``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.streams import ExperimentStream
from tinygan.data import Batch, Sample
from tinygan.layers import Linear
from tinygan.objectives.divergences import ROWS
from tinygan.objectives.penalties import interpolate
from tinygan.recipes.shared.adversarial import AdversarialRecipe
from tinygan.recipes.shared.options import AdversarialSettings
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of
from tinygan.reproduce.papers.fgan import SEEDS, N, adam, critic_values, perceptron, with_gaussian, worst_seed
from tinygan.reproduce.papers.line import X, bound, f_divergence, gaussian, integral, log_normal

STEPS, RATE, FRESH = 3000, 3e-3, 100_000
PAIRS = {"N(0, 1), N(1, 1.3²)": (1.0, 1.3), "N(0, 1), N(3, 0.5²)": (3.0, 0.5)}  # P is N(0, 1); mean and σ of Q
APART = 2.0  # W₁ of N(0, 1) and N(2, 1)
WEIGHTS = (100.0, 10.0)  # λ for which W₁ has a bound, and the paper's λ
P = gaussian(0.0, 1.0)


def trained(settings: AdversarialSettings, Q: tuple[float, float], seed: int, work: Work) -> tuple[Net, Array]:
    """D and its weights after STEPS steps on samples of P and of the Gaussian Q (mean, sigma), starting from D = 0."""
    recipe, rng = (
        AdversarialRecipe(settings, Sample((1,)), Net(Linear(1, 1)), perceptron()),
        np.random.default_rng([seed, ExperimentStream.GAME]),
    )
    state = with_gaussian(recipe.init(rng), *Q)
    *_, last, _ = recipe.D.view(state.D).values()
    state.D[-last.size - 1 :] = 0
    for step in range(STEPS):
        if step % 100 == 0:
            work.check_interrupt()
        state, _ = recipe.step_D(state, Batch(P.draw(N, rng), {}), recipe.generate(state, recipe.noise(N, rng)), rng)
    return recipe.D, state.D


# ---------------------------------------------------------------- information


def run_information(job: Job, work: Work) -> dict[str, Any]:
    """V of the learned D, and −log 4 + 2 JSD, both by quadrature, in nats."""
    mean, sigma = PAIRS[job["pair"]]
    D, theta = trained(AdversarialSettings(latent=1, adam_D=adam(RATE, STEPS)), (mean, sigma), job["seed"], work)
    log_q = log_normal(X, mean, sigma)
    return {
        "value": bound(ROWS["gan"], critic_values(D, theta, X), P.log(X), log_q),
        "truth": float(f_divergence(ROWS["gan"], P.log(X), log_q)),
    }


def claims_information(results: Sequence[Result]) -> list[Claim]:
    made = []
    for pair in PAIRS:
        found = figures_of(results, pair=pair)
        truth = found[0]["truth"]
        off = [abs(f["value"] - f["truth"]) for f in found]
        of_all = truth / 2 + math.log(2)
        told = [(f["value"] + math.log(4)) / 2 for f in found]
        made += [
            worst_seed(f"{pair}: |V − (−log 4 + 2 JSD)|, nats, of {truth:.4f}", off, "<=", 0.02),
            Claim(f"{pair}: smallest information of D about the class, of {of_all:.4f} nats", min(told)),
        ]
    return made


# ---------------------------------------------------------------- Kantorovich


def run_kantorovich(job: Job, work: Work) -> dict[str, Any]:
    """E D(x) − E D(y) by quadrature, and the mean of |D'| at new points between samples."""
    settings = AdversarialSettings(
        latent=1, loss="wasserstein", penalty="wgan-gp", gamma=job["gamma"], adam_D=adam(RATE, STEPS)
    )
    D, theta = trained(settings, (APART, 1.0), job["seed"], work)
    rng = np.random.default_rng([job["seed"], ExperimentStream.GAME, 1])
    x = interpolate(P.draw(FRESH, rng), gaussian(APART, 1.0).draw(FRESH, rng), rng)
    slope = D.jvp(theta, x, np.ones_like(x)[None])[1]
    d = critic_values(D, theta, X)
    return {
        "distance": float(integral(d * (np.exp(P.log(X)) - np.exp(log_normal(X, APART, 1.0))))),
        "slope": float(np.abs(slope).mean()),
    }


def optimum(gamma: float) -> tuple[float, float]:
    """E D(x) − E D(y) and E|D'(x̂)| of the optimal D, by the formulas above."""
    e = np.linspace(0, 1, 401)[:, None]
    r = np.exp(log_normal(X, APART * (1 - e), np.sqrt(e**2 + (1 - e) ** 2)))
    r = (r[1:] + r[:-1]).mean(axis=0) / 2
    gap = np.array([math.erf(x / math.sqrt(2)) - math.erf((x - APART) / math.sqrt(2)) for x in X]) / 2
    extra = np.divide(gap**2, 2 * gamma * r, out=np.zeros_like(r), where=r > 1e-12)
    return APART + float(integral(extra)), 1 + APART / (2 * gamma)


def claims_kantorovich(results: Sequence[Result]) -> list[Claim]:
    made = []
    for gamma in WEIGHTS:
        found, (distance, slope) = figures_of(results, gamma=gamma), optimum(gamma)
        off = [100 * abs(f["distance"] / APART - 1) for f in found]
        slopes = [f["slope"] for f in found]
        within = [("<=", 5.0), (">=", 0.9), ("<=", 1.1)] if gamma == WEIGHTS[0] else [(), (), ()]
        made += [
            worst_seed(f"λ = {gamma:g}: error of the estimate of W₁ = 2, %", off, *within[0]),
            Claim(f"λ = {gamma:g}: smallest mean |D'| between samples", min(slopes), *within[1]),
            Claim(
                f"λ = {gamma:g}: largest mean |D'| between samples ({slope:.2f} for the optimal D)",
                max(slopes),
                *within[2],
            ),
            worst_seed(
                f"λ = {gamma:g}: error from the optimal D's {distance:.3f}, %",
                [100 * abs(f["distance"] / distance - 1) for f in found],
                "<=",
                1.0,
            ),
        ]
    return made


SHARED = {"batch": N, "steps": STEPS, "rates": [RATE]}
EXPERIMENTS = [
    Experiment(
        "information",
        f"V of a trained D compared with −log 4 + 2 JSD, {len(SEEDS)} seeds",
        SHARED,
        [{"pair": pair, "seed": seed} for pair in PAIRS for seed in SEEDS],
        run_information,
        claims_information,
    ),
    Experiment(
        "kantorovich",
        f"W₁ by a critic with a gradient penalty, {len(SEEDS)} seeds",
        SHARED,
        [{"gamma": gamma, "seed": seed} for gamma in WEIGHTS for seed in SEEDS],
        run_kantorovich,
        claims_kantorovich,
    ),
]
