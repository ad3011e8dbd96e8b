"""Mode coverage on two-dimensional mixtures: the ring of 8 and the grid of 25 of Lin et al. 2018 (PacGAN), §4.1."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.data.toys import MIXTURES
from tinygan.metrics.modes import mixture
from tinygan.recipes.shared.unconditional import Unconditional
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, falling, figures_of, over_seeds
from tinygan.reproduce.harness.plot import animate, field

SYSTEMS, FIGURES = ("wgan-gp", "packed", "gan"), ("modes", "high quality", "reverse KL")
SEEDS = (0, 1, 2)  # settings were chosen on seed 7
STEPS, BATCH = {"ring": 6000, "grid": 30000}, {"ring": 100, "grid": 200}
CRITIC = 3  # steps of a WGAN's critic per step of G
SHARED: dict[str, Any] = {"latent": 2, "ema": 0.995}
PACKED = {"ring": "r1", "grid": "gan"}
POINTS = 2500  # as in PacGAN
FRAMES, SHOWN = 24, 300  # frames of the animation for seed 0; points in a frame
SIDE = {"ring": 1.6, "grid": 5.5}  # half the side of the plotted square
PUBLISHED = {  # Lin et al. 2018, table 1: modes, high quality %, reverse KL; means of 10 runs of their networks
    ("gan", "ring"): ("6.3", "98.2", "0.45"),
    ("gan", "grid"): ("17.3", "94.8", "0.70"),
    ("packed", "ring"): ("7.9", "95.6", "0.07"),
    ("packed", "grid"): ("23.8", "91.3", "0.13"),
}


def settings(system: str, data: str) -> tuple[str, dict[str, Any]]:
    """The recipe of a system and its settings."""
    return ring(system) if data == "ring" else grid(system)


def ring(system: str) -> tuple[str, dict[str, Any]]:
    """Settings for the ring. The packed system uses R1, because the modes are narrow."""
    adam = falling(1e-3, STEPS["ring"], b1=0.5, b2=0.9 if system == "wgan-gp" else 0.99)
    shared = SHARED | {"adam_G": adam, "adam_D": adam}
    if system == "gan":
        return "gan", shared | {"dropout": 0.0}
    if system == "wgan-gp":
        return "wgan-gp", shared | {"norm_G": "none", "gamma": 0.1, "n_critic": CRITIC}
    return "r1", shared | {"norm_G": "none", "gamma": 0.1, "pack": 2}


def grid(system: str) -> tuple[str, dict[str, Any]]:
    """Settings for the grid. The packed system is a plain GAN, because a penalty would smooth D over neighbouring modes.
    ``reach`` spreads the initial kinks of D over the grid."""
    steps, shared = steps_of(system, "grid"), SHARED | {"reach": 5.0}
    if system == "wgan-gp":
        rates = {name: falling(lr, steps, b1=0.0, b2=0.9) for name, lr in (("adam_G", 3e-4), ("adam_D", 1e-3))}
        return "wgan-gp", shared | rates | {"norm_G": "batch", "gamma": 0.1, "n_critic": CRITIC}
    rates = {name: falling(lr, steps, b1=0.5, b2=0.99) for name, lr in (("adam_G", 1e-3), ("adam_D", 2e-3))}
    return "gan", shared | rates | {"net": "perceptron", "dropout": 0.0, "pack": 2 if system == "packed" else 1}


def steps_of(system: str, data: str) -> int:
    """The steps of G. On the grid, D makes the same number of steps in every system."""
    return STEPS[data] // (CRITIC if (system, data) == ("wgan-gp", "grid") else 1)


def run(data: str, job: Job, work: Work) -> dict[str, Any]:
    """The number of modes found, the fraction of points near a mode, and the reverse KL."""
    recipe_name, own = settings(job["system"], data)
    steps = steps_of(job["system"], data)
    options = {"steps": steps, "batch": BATCH[data], "seed": job["seed"], "settings": own, "backend": "reference"}
    moving = job["seed"] == 0 and job["system"] != "packed"
    history = work.history(recipe_name, data, **options, save_every=steps // FRAMES if moving else steps, keep=FRAMES)
    step, recipe, state = history[-1]
    assert isinstance(recipe, Unconditional)
    if moving:
        frames = [
            field(
                work.pictures / f"{data}-{job['system']}-{step:06d}.png",
                SIDE[data],
                *snapshot(r, s, data),
                f"step {step}",
            )
            for step, r, s in history
        ]
        animate(work.pictures / f"{data}-{job['system']}.gif", frames)
    points = recipe.sample(state, recipe.latents(POINTS, np.random.default_rng([job["seed"], step])))
    found = mixture(points, *MIXTURES[data])
    return {"modes": found.hit, "high quality": found.high_quality, "reverse KL": found.reverse_kl}


def snapshot(recipe: Any, state: Any, data: str) -> tuple[Array, Array, Array, Array]:
    """Centres, samples of G, −∂L_G/∂x at each sample times their number, and D's logit on a grid (81, 81)."""
    points = recipe.sample(state, recipe.latents(SHOWN, np.random.default_rng(0)))
    D = recipe.D.eval(state.D_running)
    logits, saved = D.forward(state.D, points)
    pull = -len(points) * D.backward(state.D, saved, recipe.loss.generator(logits)[1], wrt_theta=False).x
    line = np.linspace(-SIDE[data], SIDE[data], 81, dtype=np.float32)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return MIXTURES[data][0], points, pull, D.forward(state.D, plane)[0].reshape(81, 81)


def claims(data: str, modes: int, results: Sequence[Result]) -> list[Claim]:
    """Bounds for all systems except the plain GAN, which is known to lose modes."""
    rows = []
    for system in SYSTEMS:
        hit, good, kl = ([f[name] for f in figures_of(results, system=system)] for name in FIGURES)
        said, held, share = PUBLISHED.get((system, data), ("", "", "")), system != "gan", [100 * g for g in good]
        name = f"{PACKED[data]}, packed by 2" if system == "packed" else system
        rows += [
            bounded(Claim(f"{name}: smallest number of modes of {hit}", min(hit), ">=", modes, said[0]), held),
            bounded(over_seeds(f"{name}: high quality %", share, ">=", 90.0, said[1]), held),
            bounded(over_seeds(f"{name}: reverse KL, nats", kl, "<=", 0.15, said[2]), held),
        ]
        if data == "ring":
            rows.append(bounded(Claim(f"{name}: largest high quality %", max(share), "<=", 99.0), held))
    return rows


def bounded(claim: Claim, held: bool) -> Claim:
    """The claim, without its bound unless ``held``."""
    return claim if held else claim._replace(sign="", bound=0.0)


def of(data: str, about: str, modes: int) -> Experiment:
    """The experiment on one mixture."""
    return Experiment(
        data,
        f"{about}: modes found, {len(SEEDS)} seeds",
        {
            "steps": STEPS[data],
            "batch": BATCH[data],
            "settings": {system: list(settings(system, data)) for system in SYSTEMS},
        },
        [{"system": system, "seed": seed} for seed in SEEDS for system in SYSTEMS],
        partial(run, data),
        partial(claims, data, modes),
    )


EXPERIMENTS = [of("ring", "a ring of 8 Gaussians", 8), of("grid", "a grid of 25 Gaussians", 24)]
