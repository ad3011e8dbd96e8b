"""ScratchGAN: is its estimator an unbiased gradient of the expected reward, and does it learn all words of a toy language?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.streams import ExperimentStream
from tinygan.data import Sample
from tinygan.data.patterns import WORDS, strings
from tinygan.models import scratch
from tinygan.recipes import Generative
from tinygan.recipes.systems.scratchgan import ScratchGAN, Settings
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, falling, over_seeds

SEEDS = range(3)
DATA, STEPS, BATCH = "patterns", 6000, 128
OWN: dict[str, Any] = {"discount": 0.9, "adam_G": falling(2e-3, STEPS), "adam_D": falling(2e-3, STEPS)}
READ = 10_000  # generated strings that are checked
T, TOKENS, DRAWN = 4, 2, 50_000  # length and alphabet of the enumerated strings; number of drawn strings
BASELINE = 0.3


def run(job: Job, work: Work) -> dict[str, Any]:
    """The fraction of strings that are words, and the number of different words among them."""
    options = {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "settings": OWN, "backend": "reference"}
    recipe, state = work.train("scratchgan", DATA, **options)
    assert isinstance(recipe, Generative)
    made = strings(
        recipe.sample(state, recipe.latents(READ, np.random.default_rng([job["seed"], ExperimentStream.STRINGS])))
    )
    words = [word for word in made if word in WORDS]
    return {"valid": len(words) / READ, "distinct": len(set(words)), "first": made[:10]}


def claims(results: Sequence[Result]) -> list[Claim]:
    """The fraction of valid words, and of all words that occur."""
    share = [100 * r.figures["valid"] for r in results]
    kinds = [100 * r.figures["distinct"] / len(WORDS) for r in results]
    return [
        over_seeds("strings that are words, %", share, ">=", 90.0),
        over_seeds(f"words of {len(WORDS)} that occur, %", kinds, ">=", 80.0),
    ]


# ---------------------------------------------------------------- the estimator


def enumerated(job: Job, work: Work) -> dict[str, Any]:
    """The error of the mean over drawn strings against the sum over all: along the gradient in standard errors, and by χ²."""
    rng = np.random.default_rng([job["seed"], ExperimentStream.ESTIMATOR])
    recipe = ScratchGAN(Settings(width_G=6, width_D=6, discount=1.0), Sample((T, TOKENS)))
    first = recipe.init(rng)
    state = first._replace(G=2 * first.G.astype(np.float64), D=2 * first.D.astype(np.float64))
    every = np.eye(TOKENS)[list(itertools.product(range(TOKENS), repeat=T))]
    logits, _ = recipe.G.forward(state.G, scratch.shifted(every))
    chance = (scratch.softmax(logits) * every).sum(axis=2).prod(axis=1)
    returns = recipe.returns(recipe.D.forward(state.D, every)[0][..., 0])

    def of_each(b: float) -> Array:
        """The estimate from each single string, (16, P)."""
        alone = zip(every, returns, strict=True)
        return np.stack([recipe.score_gradient(state.G, a[None], A[None] - b) for a, A in alone])

    each, exact = of_each(BASELINE), chance @ of_each(0.0)
    made = recipe.sample(state, rng.random((DRAWN, T)))
    counts = np.bincount(made.argmax(axis=2) @ 2 ** np.arange(T)[::-1], minlength=len(every))
    (along,) = errors(each @ exact[:, None], counts, np.array([exact @ exact]))
    distance, ways = mahalanobis(each, counts, exact)
    return {"along itself": abs(float(along)), "chi2": distance, "ways": ways}


def errors(values: Array, counts: Array, truth: Array) -> Array:
    """(mean − truth) / standard error of each column: values (k, m), each drawn ``counts`` (k,) times, truth (m,) → (m,)."""
    n = counts.sum()
    mean = counts @ values / n
    variance = counts @ (values - mean) ** 2 / (n - 1)
    return (mean - truth) / np.sqrt(variance / n)


def mahalanobis(values: Array, counts: Array, truth: Array) -> tuple[float, int]:
    """Σ of squared errors along the principal axes of the drawn values, and their number: χ² with that many degrees of
    freedom."""
    centred = (values - counts @ values / counts.sum()) * np.sqrt(counts)[:, None]
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    ways = axes[lengths > 1e-9 * lengths[0]]
    return float(np.square(errors(values @ ways.T, counts, ways @ truth)).sum()), len(ways)


def chi2_within(r: int, z: float = 1.69) -> float:
    """The 95.4 % quantile of χ² with r degrees of freedom, which corresponds to 2 σ (Wilson and Hilferty 1931)."""
    return float(r * (1 - 2 / (9 * r) + z * np.sqrt(2 / (9 * r))) ** 3)


def estimator_claims(results: Sequence[Result]) -> list[Claim]:
    """In every seed: the error along the gradient, and over all directions."""
    figures = [r.figures for r in results]
    share = max(f["chi2"] / chi2_within(f["ways"]) for f in figures)
    return [
        Claim(
            "error along the enumerated gradient, standard errors", max(f["along itself"] for f in figures), "<=", 2.0
        ),
        Claim("largest χ² of the error / 95.4 % quantile of χ²", share, "<=", 1.0),
    ]


EXPERIMENTS = [
    Experiment(
        "estimator",
        f"the score-function estimator on {TOKENS**T} strings, {DRAWN:,} draws",
        {"drawn": DRAWN, "baseline": BASELINE, "judged": "chi2"},
        [{"seed": seed} for seed in SEEDS],
        enumerated,
        estimator_claims,
    ),
    Experiment(
        "patterns",
        f"a toy language of {len(WORDS)} words, {len(SEEDS)} seeds of {STEPS} steps of {BATCH} strings",
        {"data": DATA, "steps": STEPS, "batch": BATCH, "settings": OWN},
        [{"seed": seed} for seed in SEEDS],
        run,
        claims,
    ),
]
