"""Multi-scale structural similarity (MS-SSIM) of pairs of images (Wang, Simoncelli and Bovik 2003, eq. 7).

With local means μ, variances σ² and covariance σ_xy under an 11x11 Gaussian window (standard deviation 1.5 pixels),

    l = (2 μ_x μ_y + C₁)/(μ_x² + μ_y² + C₁),   cs = (2 σ_xy + C₂)/(σ_x² + σ_y² + C₂),   C₁ = 0.01², C₂ = 0.03², pixels in [0, 1]
    MS-SSIM = mean(l_M cs_M)^w_M Πⱼ₍ⱼ<M₎ mean(csⱼ)^wⱼ,

where each scale has half the size of the previous one (means of 2x2 pixels). Means are over pixels and channels, and a
negative mean is replaced by 0. The paper uses five scales of at least 11 pixels. A smaller image uses the first M scales,
with weights rescaled to sum 1: M = 2 for 28 and 32 pixels, 4 for 128. Only values with the same M are comparable. Values
are from 0 to 1, and 1 for equal images. Within a class, lower values mean more diversity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import classes, pictures, rows

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])  # Wang et al. 2003, §3.2
WINDOW = 11
PAIRS = 64  # at a time


class Similarity(NamedTuple):
    """Mean MS-SSIM of pairs within each class (C,), and the number of scales. High values mean that images look alike."""

    each: Array
    scales: int


def scales(height: int, width: int) -> int:
    """The number of scales M, at most 5, on which an image is at least as large as the window. Raises UsageError."""
    if min(height, width) < WINDOW:
        raise UsageError(f"images of {height}x{width} pixels; MS-SSIM needs at least {WINDOW}x{WINDOW}")
    return min(len(WEIGHTS), (min(height, width) // WINDOW).bit_length())


def ms_ssim(x: Array, y: Array) -> Array:
    """MS-SSIM (n,), from 0 to 1, of the pairs of images x, y (n, H, W, C) in [-1, 1]. Raises UsageError."""
    x, y = pictures("images", x), pictures("images", y)
    if x.shape != y.shape:
        raise UsageError(f"images {x.shape} and {y.shape}; expected pairs of the same shape")
    scales(*x.shape[1:3])
    return np.concatenate([_pairs(_unit(x[part]), _unit(y[part])) for part in rows(len(x), PAIRS)])


def within_classes(images: Array, labels: Array, rng: np.random.Generator, *, of: int, pairs: int = 100) -> Similarity:
    """Mean MS-SSIM of ``pairs`` random pairs of different images in each of ``of`` classes (Odena et al. 2017, §4.2).

    Images (n, H, W, C) in [-1, 1], labels (n,). Compare with the value of equally many real images: lower means more
    diversity. Raises UsageError.
    """
    images = pictures("images", images)
    labels = classes("labels", labels, of=of, n=len(images))
    if pairs < 1:
        raise UsageError(f"{pairs} pairs of each class; expected 1 or more")
    each = np.zeros(of)
    for label in range(of):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise UsageError(
                f"class {label} has {len(members)} images; expected at least 2 in each of the {of} classes"
            )
        first = rng.integers(len(members), size=pairs)
        second = (first + rng.integers(1, len(members), size=pairs)) % len(members)
        values = [ms_ssim(images[members[first[p]]], images[members[second[p]]]) for p in rows(pairs, PAIRS)]
        each[label] = np.concatenate(values).mean()
    return Similarity(each, scales(*images.shape[1:3]))


def _pairs(x: Array, y: Array) -> Array:
    count = scales(*x.shape[1:3])
    value = np.ones(len(x))
    for scale, weight in enumerate(WEIGHTS[:count] / WEIGHTS[:count].sum()):
        if scale:
            x, y = _half(x), _half(y)
        lightness, structure = _compare(x, y)
        part = structure if scale < count - 1 else lightness * structure
        value *= np.maximum(part.mean(axis=(1, 2, 3)), 0) ** weight
    return value


def _compare(x: Array, y: Array) -> tuple[Array, Array]:
    """l and cs of each window."""
    mx, my = _blur(x), _blur(y)
    vx, vy, xy = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    lightness = (2 * mx * my + 0.01**2) / (mx * mx + my * my + 0.01**2)
    return lightness, (2 * xy + 0.03**2) / (vx + vy + 0.03**2)


def _blur(x: Array) -> Array:
    """The window's means, (n, H − 10, W − 10, C)."""
    t = np.arange(WINDOW) - WINDOW // 2
    g = np.exp(-(t**2) / (2 * 1.5**2))
    for axis in (1, 2):
        x = np.lib.stride_tricks.sliding_window_view(x, WINDOW, axis=axis) @ (g / g.sum())
    return x


def _half(x: Array) -> Array:
    """Means of 2x2 pixels; the last row or column of an odd size is dropped."""
    n, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def _unit(x: Array) -> Array:
    """[-1, 1] → [0, 1], float64."""
    return (x.astype(np.float64) + 1) / 2
