"""``tinygan reproduce NAME``: the small experiments of a system, each figure beside its bound and the published one.

An experiment is a table of jobs (a training with one seed, say), a function from a job to figures, and a function from all
figures to claims. Results are JSON lines, one a job, so that an interrupted table goes on; claims are derived from them.
"""

from __future__ import annotations

import importlib

from tinygan.errors import UsageError, nearest
from tinygan.reproduce.harness.experiment import Claim, Experiment, Result, Work

__all__ = ["SYSTEMS", "Claim", "Experiment", "Result", "Work", "experiments"]

SYSTEMS = {  # the modules with its EXPERIMENTS, in their order
    "lgan": ("lgan_curves", "lgan_charts", "lgan_semi"),
    "semi": ("semi",),
    "ssgan": ("ssgan", "ssgan_labels"),
    "conditional": ("conditional_classes", "conditional_text", "conditional_truncation"),
    "fgan": ("fgan", "fgan_fixed"),
    "toys": ("toys", "stacked"),
    "landscape": ("landscape",),
    "stability": ("stability",),
    "infogan": ("infogan",),
    "began": ("began",),
    "lapgan": ("lapgan",),
    "cyclegan": ("cyclegan",),
    "gran": ("gran",),
    "flow": ("flow",),
    "scratchgan": ("scratchgan",),
    "draw": ("draw",),
    "forgetting": ("forgetting_tasks", "forgetting_probe"),
    "glo": ("glo", "glo_sums"),
}


def experiments(system: str, only: tuple[str, ...] = ()) -> list[Experiment]:
    """Those of a system, or those of them called ``only``. Raises UsageError, which names the nearest."""
    if system not in SYSTEMS:
        raise UsageError(f"no system {system!r}{nearest(system, SYSTEMS)}; those to reproduce are {', '.join(SYSTEMS)}")
    found = [
        e for name in SYSTEMS[system] for e in importlib.import_module(f"tinygan.reproduce.papers.{name}").EXPERIMENTS
    ]
    names = [e.name for e in found]
    for name in only:
        if name not in names:
            raise UsageError(f"no experiment {name!r} of {system}{nearest(name, names)}; they are {', '.join(names)}")
    return [e for e in found if not only or e.name in only]
