"""Modes found, samples near them, and how evenly they are hit: mixtures in the plane and Stacked-MNIST.

Each sample belongs to one of K equally likely modes (of a mixture: the nearest centre); p is the share of each mode. The
reverse KL is Σₖ pₖ log(pₖ K), 0 for even shares. Of n even samples it is about (K − 1)/2n: 0.019 at n = 26,000, K = 1000.
Source: Lin et al. 2018 (PacGAN), §4.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import classes, matrix, rows


class Modes(NamedTuple):
    """Modes with at least one sample, and the reverse KL in nats."""

    hit: int
    reverse_kl: float


class Mixture(NamedTuple):
    """``hit`` counts modes with a sample within ``radius`` sigmas; ``high_quality`` is the share of such samples.

    A perfect sampler's share is ``ideal`` = 1 − exp(−radius²/2) (0.9889 for 3), and within ``band``, ideal ± 3 standard
    errors, in 99.7 % of trials. Below the band, samples lie between modes; above it, modes have shrunk, which is not quality.
    """

    hit: int
    reverse_kl: float
    high_quality: float
    ideal: float
    band: tuple[float, float]


def mixture(points: Array, centres: Array, sigma: float, radius: float = 3.0) -> Mixture:
    """Points (n, 2) against round Gaussians of the width ``sigma`` at ``centres`` (K, 2), equally likely."""
    points, centres = matrix("points", points, width=2), matrix("centres", centres, width=2)
    if not (sigma > 0 and radius > 0):
        raise UsageError(f"sigma is {sigma} and the radius {radius}; expected more than 0")
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
    """Modes of samples by their predicted labels (n,), 0 ... modes − 1."""
    count = np.bincount(classes("labels", labels, of=modes), minlength=modes)
    p = count[count > 0] / count.sum()
    return Modes(len(p), float((p * np.log(p * modes)).sum()))


def stacked(digits: Array) -> Array:
    """The mode 100 a + 10 b + c (n,) of Stacked-MNIST from the predicted digits (n, 3) of its channels."""
    digits = matrix("digits", digits, width=3)
    return classes("digits", digits.ravel(), of=10).reshape(-1, 3).astype(np.int64) @ [100, 10, 1]
