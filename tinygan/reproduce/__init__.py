"""``tinygan reproduce NAME``: small versions of published experiments, each result beside its bound and the published value.

An experiment has a list of jobs (for example a training with one seed), a function from a job to its figures, and a function
from all figures to claims. Results are JSON lines, one per job, so an interrupted experiment continues where it stopped.
Claims are computed from the results.
"""

from __future__ import annotations

import importlib

from tinygan.errors import UsageError, nearest
from tinygan.reproduce.harness.experiment import Claim, Experiment, Result, Work

__all__ = ["SYSTEMS", "Claim", "Experiment", "Result", "Work", "experiments"]

SYSTEMS = {  # the modules that define its EXPERIMENTS, in order
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
    """The experiments of a system, or only those named in ``only``. Raises UsageError, which suggests the nearest name."""
    if system not in SYSTEMS:
        raise UsageError(
            f"no experiments of {system!r}{nearest(system, SYSTEMS)}; expected one of {', '.join(SYSTEMS)}"
        )
    found = [
        e for name in SYSTEMS[system] for e in importlib.import_module(f"tinygan.reproduce.papers.{name}").EXPERIMENTS
    ]
    names = [e.name for e in found]
    for name in only:
        if name not in names:
            raise UsageError(
                f"no experiment {name!r} of {system}{nearest(name, names)}; expected one of {', '.join(names)}"
            )
    return [e for e in found if not only or e.name in only]
