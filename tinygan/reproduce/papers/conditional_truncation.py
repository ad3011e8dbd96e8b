"""Truncation trades diversity for fidelity (Brock et al. 2019, §3.1, figure 2): the projection cGAN of ``--only fashion``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.metrics.manifold import precision_recall
from tinygan.recipes.systems.pcgan import PCGAN
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work
from tinygan.reproduce.papers.conditional_classes import FASHION, options
from tinygan.sampling.standing import standing_statistics
from tinygan.sampling.truncation import truncated, variance

TAUS = (2.0, 1.0, 0.5)
N, BATCH, BATCHES = 2000, 100, 20  # generated and real images; for standing statistics: batch size, number of batches
DRAWN = 10**6  # latents whose variance is compared with the formula


def run(job: Job, work: Work) -> dict[str, Any]:
    """Precision and recall against test images for each τ, with standing statistics of the truncated latents."""
    recipe, state = work.train("pcgan", FASHION.data, **options(FASHION, "pcgan", job["seed"]))
    assert isinstance(recipe, PCGAN)
    judge = work.features(FASHION.data, FASHION.features)
    real, _ = judge(work.open(FASHION.data, "test", least=N).batch(np.arange(N))[0])
    figures: dict[str, Any] = {"precision": [], "recall": [], "variance off": []}
    for tau in TAUS:
        draw = partial(rows, recipe, tau)
        rng = np.random.default_rng(0)
        at = state._replace(G_running=standing_statistics(recipe.G, state.G_ema, state.G_running, draw, BATCHES, rng))
        fake, _ = judge(np.concatenate([recipe.sample(at, draw(rng)) for _ in range(N // BATCH)]))
        found = precision_recall(real, fake)
        figures["precision"].append(found.precision)
        figures["recall"].append(found.recall)
        z = truncated(rng, (DRAWN,), tau).astype(np.float64)
        figures["variance off"].append(abs(z.var() / variance(tau) - 1))
    return figures


def rows(recipe: PCGAN, tau: float, rng: np.random.Generator) -> Array:
    """BATCH rows [c, z] with random classes c and z truncated at τ."""
    c = recipe.onehot(rng.integers(recipe.classes, size=BATCH))
    return np.concatenate([c, truncated(rng, (BATCH, recipe.settings.latent), tau)], axis=1)


def claims(results: Sequence[Result]) -> list[Claim]:
    """Medians for each τ. With smaller τ precision must increase and recall decrease; the variance must match the formula."""
    found = []
    for name, sign in (("precision", 1), ("recall", -1)):
        by_tau = [median(r.figures[name][i] for r in results) for i in range(len(TAUS))]
        found += [Claim(f"{name}, τ = {tau:g}", value) for tau, value in zip(TAUS, by_tau, strict=True)]
        least = min(sign * (b - a) for a, b in pairwise(by_tau))
        change = "increase" if sign > 0 else "decrease"
        found.append(Claim(f"{name}: smallest {change} from one τ to the next", least, ">=", 1e-9))
    off = max(max(r.figures["variance off"]) for r in results)
    return [*found, Claim("variance of truncated latents: largest relative error of the formula", off, "<=", 0.02)]


EXPERIMENTS = [
    Experiment(
        "truncation",
        "Fashion-MNIST, projection cGAN: precision and recall at τ = 2, 1, 0.5, 3 seeds",
        FASHION._asdict() | {"taus": list(TAUS), "images": N, "standing": [BATCHES, BATCH]},
        [{"seed": seed} for seed in range(3)],
        run,
        claims,
    )
]
