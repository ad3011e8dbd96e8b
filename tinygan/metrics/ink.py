"""Estimate the slant and the pen width of a handwritten digit from its image.

ρ in [0, 1] is the ink of a pixel, white on black; y points down.

    slant   tan s = −μ_xy / μ_yy, with the second moments of ρ about its centre. A shear by −s makes μ_xy = 0.
    width   2 A / P, with the area A = Σ ρ and the perimeter P = Σ ‖∇ρ‖. A stroke of length l and width w ≪ l has A = lw and
            P = 2l.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import pictures


def slant(x: Array) -> Array:
    """The slant (n,) of images x (n, H, W, 1) in [-1, 1], in degrees to the right; 0 for a black image. Raises UsageError."""
    ink = _ink(x)
    rows, columns = (np.arange(size, dtype=np.float64) for size in ink.shape[1:])
    mass = np.maximum(ink.sum(axis=(1, 2)), 1e-12)
    cy = np.einsum("nyx,y->n", ink, rows) / mass
    cx = np.einsum("nyx,x->n", ink, columns) / mass
    dy, dx = rows - cy[:, None], columns - cx[:, None]
    yy = np.einsum("nyx,ny,ny->n", ink, dy, dy)
    xy = np.einsum("nyx,ny,nx->n", ink, dy, dx)
    lean: Array = np.degrees(np.arctan2(-xy, np.maximum(yy, 1e-12)))
    return lean


def width(x: Array) -> Array:
    """The pen width (n,) in images x (n, H, W, 1) in [-1, 1], in pixels; 0 for a black image. Raises UsageError."""
    ink = np.pad(_ink(x), ((0, 0), (1, 1), (1, 1)))
    down, right = np.diff(ink, axis=1), np.diff(ink, axis=2)
    # the mean slope over the corners of a square of four pixels: a single corner would not treat both diagonals alike
    corners = [np.hypot(d, r) for d in (down[..., :-1], down[..., 1:]) for r in (right[:, :-1], right[:, 1:])]
    edge = sum(corner.sum(axis=(1, 2)) for corner in corners) / 4
    wide: Array = 2 * ink.sum(axis=(1, 2)) / np.maximum(edge, 1e-12)
    return wide


def _ink(x: Array) -> Array:
    """ρ (n, H, W) in float64. Raises UsageError."""
    x = pictures("images", x)
    if x.shape[3] != 1:
        raise UsageError(f"expected grey images (n, H, W, 1), got {x.shape}")
    return (x[..., 0].astype(np.float64) + 1) / 2
