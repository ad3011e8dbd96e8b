"""ScratchGAN: is its estimator the gradient of the expected reward, and does it learn all words of a toy language?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.data import Sample
from tinygan.data.patterns import WORDS, strings
from tinygan.layer import Array
from tinygan.models import scratch
from tinygan.recipes import Generative
from tinygan.recipes.scratchgan import ScratchGAN, Settings
from tinygan.reproduce.experiment import Claim, Experiment, Job, Result, Work, falling, over_seeds

SEEDS = range(3)
DATA, STEPS, BATCH = "patterns", 6000, 128
OWN: dict[str, Any] = {"discount": 0.9, "adam_G": falling(2e-3, STEPS), "adam_D": falling(2e-3, STEPS)}
READ = 10_000  # strings that are judged
T, TOKENS, DRAWN, WAYS = 4, 2, 50_000, 200  # of the strings that are enumerated; drawn ones; directions
BASELINE = 0.3


def run(job: Job, work: Work) -> dict[str, Any]:
    """The share of strings that are words, and how many of the words there are."""
    options = {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "settings": OWN, "backend": "reference"}
    recipe, state = work.train("scratchgan", DATA, **options)
    assert isinstance(recipe, Generative)
    made = strings(recipe.sample(state, recipe.latents(READ, np.random.default_rng([job["seed"], STEPS]))))
    words = [word for word in made if word in WORDS]
    return {"valid": len(words) / READ, "distinct": len(set(words)), "first": made[:10]}


def claims(results: Sequence[Result]) -> list[Claim]:
    """Words, and how many different ones."""
    share = [100 * r.figures["valid"] for r in results]
    kinds = [100 * r.figures["distinct"] / len(WORDS) for r in results]
    return [
        over_seeds("strings that are words, %", share, ">=", 90.0),
        over_seeds(f"words of {len(WORDS)} that occur, %", kinds, ">=", 80.0),
    ]


# ---------------------------------------------------------------- the estimator


def enumerated(job: Job, work: Work) -> dict[str, Any]:
    """How far the mean over drawn strings lies from the sum over all, in standard errors: along the sum, and along others."""
    rng = np.random.default_rng([job["seed"], 16])
    recipe = ScratchGAN(Settings(width_G=6, width_D=6, discount=1.0), Sample((T, TOKENS)))
    first = recipe.init(rng)
    state = first._replace(G=2 * first.G.astype(np.float64), D=2 * first.D.astype(np.float64))
    every = np.eye(TOKENS)[list(itertools.product(range(TOKENS), repeat=T))]
    logits, _ = recipe.G.forward(state.G, scratch.shifted(every))
    chance = (scratch.softmax(logits) * every).sum(axis=2).prod(axis=1)
    returns = recipe.returns(recipe.D.forward(state.D, every)[0][..., 0])
    each = np.stack(
        [recipe.score_gradient(state.G, a[None], A[None] - BASELINE) for a, A in zip(every, returns, strict=True)]
    )
    exact = chance @ np.stack(
        [recipe.score_gradient(state.G, a[None], A[None]) for a, A in zip(every, returns, strict=True)]
    )
    made = recipe.sample(state, rng.random((DRAWN, T)))
    counts = np.bincount(made.argmax(axis=2) @ 2 ** np.arange(T)[::-1], minlength=len(every))
    ways = np.concatenate([exact[None], rng.normal(size=(WAYS, len(exact)))])
    apart = np.abs(errors(each @ ways.T, counts, ways @ exact))
    return {"along itself": float(apart[0]), "share": float((apart[1:] <= 2).mean())}


def errors(values: Array, counts: Array, truth: Array) -> Array:
    """(mean − truth) / standard error of each column: values (k, m), each drawn ``counts`` (k,) times, truth (m,) → (m,)."""
    n = counts.sum()
    mean = counts @ values / n
    variance = counts @ (values - mean) ** 2 / (n - 1)
    return (mean - truth) / np.sqrt(variance / n)


def estimator_claims(results: Sequence[Result]) -> list[Claim]:
    """Along the gradient itself in every seed; and two standard errors hold 95 % of directions."""
    return [
        Claim(
            "off the enumerated gradient, along it, standard errors, greatest",
            max(r.figures["along itself"] for r in results),
            "<=",
            2.0,
        ),
        over_seeds(
            f"of {WAYS} random directions within 2 standard errors, %",
            [100 * r.figures["share"] for r in results],
            ">=",
            90.0,
        ),
    ]


EXPERIMENTS = [
    Experiment(
        "estimator",
        f"the score-function estimator on {TOKENS**T} strings, {DRAWN:,} draws",
        {"drawn": DRAWN, "baseline": BASELINE},
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
