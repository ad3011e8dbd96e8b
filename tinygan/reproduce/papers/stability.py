"""Stability: 20 seeds of 2,000 steps of every system with small networks, on strokes or on data that fit the system."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tinygan.errors import Diverged
from tinygan.recipes import RECIPES
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of

SEEDS, STEPS, BATCH = 20, 2000, 8
DATA = {"flow": "moons", "scratchgan": "patterns", "cyclegan": "strokes-edges"}  # for systems that need other samples
BACKEND = "reference"  # its calls are the cheapest, which matters for small networks
SMALL = {"width": 4, "width_G": 4, "width_D": 4}  # for the systems, or their classifiers, that have these settings
SHORT = {"glimpses": 2, "blocks": 1}  # likewise
OTHERS = (
    "gan-cls",
    "classifier",
)  # the first needs class names, which strokes do not have; the second generates no samples


def systems() -> list[str]:
    """The systems that generate samples."""
    return [name for name in RECIPES if name not in OTHERS]


def run(job: Job, work: Work) -> dict[str, Any]:
    """Whether the training finished, and how long it took."""
    fields = RECIPES[job["recipe"]].settings.__dataclass_fields__
    settings: dict[str, Any] = {name: value for name, value in (SMALL | SHORT).items() if name in fields}
    settings |= {"judge": {"width": SMALL["width"]}} if "judge" in fields else {}
    began = time.perf_counter()
    options = {"steps": STEPS, "batch": BATCH, "seed": job["seed"], "settings": settings, "backend": BACKEND}
    try:
        work.train(job["recipe"], DATA.get(job["recipe"], "strokes"), **options)
    except Diverged as error:
        return {"finished": False, "seconds": time.perf_counter() - began, "why": str(error)}
    return {"finished": True, "seconds": time.perf_counter() - began}


def claims(results: Sequence[Result]) -> list[Claim]:
    found = []
    for name in systems():
        ends = figures_of(results, recipe=name)
        found.append(Claim(f"{name}: seeds of {SEEDS} that finish", sum(f["finished"] for f in ends), ">=", SEEDS - 1))
        found.append(Claim(f"{name}: seconds of the slowest seed", max(f["seconds"] for f in ends), "<=", 15.0))
    return found


EXPERIMENTS = [
    Experiment(
        "seeds",
        f"{SEEDS} seeds of {STEPS} steps of every system that generates samples, on strokes: how many finish without a NaN",
        {"steps": STEPS, "batch": BATCH, "settings": SMALL, "backend": BACKEND},
        [{"recipe": name, "seed": seed} for seed in range(SEEDS) for name in systems()],
        run,
        claims,
    )
]
