"""Mode coverage of two-dimensional mixtures and of Stacked-MNIST (Lin et al. 2018, PacGAN, §4.1).

Each sample belongs to one of K equally likely modes (in a mixture, the one with the nearest centre). pₖ is the fraction of
samples in mode k. The reverse KL is Σₖ pₖ log(pₖ K) in nats, from 0 (all modes equally frequent) to log K; lower is better.
For n samples of the true distribution it is about (K − 1)/2n: 0.019 at n = 26,000 and K = 1000.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import classes, matrix, rows


class Modes(NamedTuple):
    """The number of modes with at least one sample (higher is better), and the reverse KL in nats (lower is better)."""

    hit: int
    reverse_kl: float


class Mixture(NamedTuple):
    """``hit`` is the number of modes with a sample within ``radius`` σ; ``high_quality`` is the fraction of such samples.

    For a perfect sampler this fraction is ``ideal`` = 1 − exp(−radius²/2) (0.9889 for radius 3) in expectation, and in
    99.7 % of trials it is within ``band``, ideal ± 3 standard errors. Below the band, samples lie between modes. Above it,
    the modes are too narrow, which is not a sign of quality.
    """

    hit: int
    reverse_kl: float
    high_quality: float
    ideal: float
    band: tuple[float, float]


def mixture(points: Array, centres: Array, sigma: float, radius: float = 3.0) -> Mixture:
    """Compare points (n, 2) with K equally likely Gaussians at ``centres`` (K, 2) with standard deviation ``sigma``.

    Raises UsageError.
    """
    points, centres = matrix("points", points, width=2), matrix("centres", centres, width=2)
    if not (sigma > 0 and radius > 0):
        raise UsageError(f"sigma is {sigma} and the radius is {radius}; expected both above 0")
    mode, inside = np.zeros(len(points), np.int64), np.zeros(len(points), bool)
    for part in rows(len(points)):
        square = np.square(points[part, None].astype(np.float64) - centres).sum(axis=2)
        mode[part] = square.argmin(axis=1)
        inside[part] = square.min(axis=1) <= (radius * sigma) ** 2
    ideal = 1 - math.exp(-(radius**2) / 2)
    error = 3 * math.sqrt(ideal * (1 - ideal) / len(points))
    return Mixture(
        hit=len(np.unique(mode[inside])),
        reverse_kl=labelled(mode, len(centres)).reverse_kl,
        high_quality=float(inside.mean()),
        ideal=ideal,
        band=(ideal - error, min(1.0, ideal + error)),
    )


def labelled(labels: Array, modes: int = 1000) -> Modes:
    """Mode coverage of samples by their predicted labels (n,), 0 ... modes − 1. Raises UsageError."""
    count = np.bincount(classes("labels", labels, of=modes), minlength=modes)
    p = count[count > 0] / count.sum()
    return Modes(len(p), float((p * np.log(p * modes)).sum()))


def stacked(digits: Array) -> Array:
    """The mode 100 a + 10 b + c (n,) of Stacked-MNIST from the predicted digits (n, 3) of its channels. Raises UsageError."""
    digits = matrix("digits", digits, width=3)
    return classes("digits", digits.ravel(), of=10).reshape(-1, 3).astype(np.int64) @ [100, 10, 1]
