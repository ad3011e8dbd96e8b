"""A trained run, where it is of the kind that a command needs."""

from __future__ import annotations

from typing import Any

from tinygan.errors import UsageError
from tinygan.training.loading import load_state
from tinygan.training.run import Run


def of_kind(run: Run, kind: type, what: str) -> tuple[Any, Any]:
    """The recipe and the state of a run, where it is of the ``kind``; UsageError otherwise."""
    recipe, state = load_state(run)
    if not isinstance(recipe, kind):
        raise UsageError(f"{run.path} is a run of {run.config.recipe}; {what}")
    return recipe, state
