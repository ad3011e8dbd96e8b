"""Samples of a run, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinygan.core.layer import Array
from tinygan.interface.trained_run import TrainedRun, load
from tinygan.training.run import Run


def sample(run: str | Path | Run | TrainedRun, n: int = 64, seed: int = 0, **request: Any) -> Array:
    """n samples of a run, x = G(z), float32 (n, H, W, C) with pixels in [-1, 1], or points (n, d).

        x = tinygan.sample("runs/cgan-strokes", 16, seed=1, label=3)    # 16 images of class 3

    ``run`` is a run directory, or what ``tinygan.load`` or ``tinygan.train`` returned. The seed fixes the latents z.
    ``request`` is label, text, truncation, standing, sweep, average or sequence, as of ``TrainedRun.sample``.
    Raises UsageError where the recipe does not support the request; DataError, FormatError where there is no checkpoint.
    """
    return load(run).sample(n, seed, **request)
