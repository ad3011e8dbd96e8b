"""Train a recipe on data, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinygan.interface.trained_run import TrainedRun, finished
from tinygan.training.interrupt import Interrupt
from tinygan.training.launch import configure, launch, ready


def train(
    recipe: str = "dcgan",
    data: str | Path = "strokes",
    out: str | Path | None = None,
    steps: int | None = None,
    *,
    progress: bool = True,
    **settings: Any,
) -> TrainedRun:
    """Train a recipe and return the run, as ``tinygan train`` does.

        run = tinygan.train("wgan-gp", "strokes", steps=2000, width=32, adam_G={"lr": 1e-4})
        x = run.sample(16)                      # x = G(z), (16, 28, 28, 1) float32 in [-1, 1]

    ``recipe``    a name of ``tinygan.recipes``, as ``tinygan recipes`` lists them
    ``data``      the name of a data set, or the path of a folder or file of images
    ``out``       the run directory, a new one; None: runs/RECIPE-DATA, with a number where that is taken
    ``steps``     training steps in all; None: the recipe's default, for most 1200
    ``progress``  whether progress is printed on stderr
    ``settings``  settings of the loop (batch, seed, backend, precision, save_every, ...) and of the recipe, as
                  ``tinygan recipes NAME`` lists them; nested ones as a dictionary or as a dataclass:
                  ``adam_G={"lr": 1e-4}``. What is not given has its default.

    The same seed gives the same bits on the same machine and version. Ctrl-C finishes the step, saves, and raises
    KeyboardInterrupt; ``tinygan.load(out).resume()`` continues. Raises UsageError for unknown names, settings out of range or
    data that does not fit; DataError for missing files; FormatError for damaged ones; Diverged at the first NaN or infinity.
    """
    changes = {"recipe": recipe, "data": str(data), "steps": steps, **settings}
    with Interrupt() as interrupt:
        config = ready(configure({}, changes))
        run, step = launch(config, None if out is None else Path(out), None, interrupt, progress=progress)
    return finished(run, step, interrupt)
