"""Whether a system trains at all: 20 seeds of 2,000 steps on strokes, or on what it is of, with small nets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tinygan.errors import Diverged
from tinygan.recipes import RECIPES
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of

SEEDS, STEPS, BATCH = 20, 2000, 8
DATA = {"flow": "moons", "scratchgan": "patterns", "cyclegan": "strokes-edges"}  # of those that take other samples
BACKEND = "reference"  # nets so small wait for their calls, of which it has the cheapest
SMALL = {"width": 4, "width_G": 4, "width_D": 4}  # where a system has them, or the classifier in it
SHORT = {"glimpses": 2, "blocks": 1}  # the same
OTHERS = ("gan-cls", "classifier")  # the first needs names of classes that strokes lack, the second makes no samples


def systems() -> list[str]:
    """Those that make samples."""
    return [name for name in RECIPES if name not in OTHERS]


def run(job: Job, work: Work) -> dict[str, Any]:
    """Whether it ended, and how long it took."""
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
        f"{SEEDS} seeds of {STEPS} steps of every system that makes samples, on strokes: how many end without a NaN",
        {"steps": STEPS, "batch": BATCH, "settings": SMALL, "backend": BACKEND},
        [{"recipe": name, "seed": seed} for seed in range(SEEDS) for name in systems()],
        run,
        claims,
    )
]
