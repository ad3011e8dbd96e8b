"""Image resizing as in the two reference implementations of the FID: y = R x Cᵀ with a matrix for rows and for columns.

The score depends on the filter (Parmar, Zhang and Zhu 2022), so results name it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import ndarray as Array


def tf1_bilinear(n: int, m: int) -> Array:
    """TensorFlow 1's bilinear filter from n to m pixels, (m, n): output i interpolates between two pixels at i n/m.

    Pixel centres are at integers and there is no smoothing: ``align_corners=False`` without half-pixel centres. Positions
    are computed in float32, as in TensorFlow. Used by Heusel et al. 2017 and torch-fidelity.
    """
    place = np.arange(m, dtype=np.float32) * (np.float32(n) / np.float32(m))
    low = np.minimum(place.astype(np.int64), n - 1)
    part = (place - low).astype(np.float64)
    matrix = np.zeros((m, n))
    matrix[np.arange(m), low] = 1 - part
    matrix[np.arange(m), np.minimum(low + 1, n - 1)] += part
    return matrix


def pil_bicubic(n: int, m: int) -> Array:
    """Pillow's bicubic filter from n to m pixels, (m, n): Keys 1981 with a = -1/2, widened by n/m when downsizing.

    w[i, j] ∝ k((j + 1/2 − (i + 1/2) n/m) / max(n/m, 1)), and each row sums to 1. Used by clean-fid.
    """
    scale = n / m
    t = np.abs((np.arange(n) + 0.5 - (np.arange(m)[:, None] + 0.5) * scale) / max(scale, 1))
    inner = (1.5 * t - 2.5) * t * t + 1
    outer = ((-0.5 * t + 2.5) * t - 4) * t + 2
    weight = np.where(t < 1, inner, np.where(t < 2, outer, 0))
    return weight / weight.sum(axis=1, keepdims=True)


def resize(images: Array, side: int, matrix: Callable[[int, int], Array]) -> Array:
    """Resize images (N, H, W, C) to (N, side, side, C) float32. Columns come first, as in both tools."""
    _, H, W, _ = images.shape
    rows, columns = (matrix(n, side).astype(np.float32) for n in (H, W))
    wide = columns @ images.astype(np.float32)  # (N, H, side, C)
    return (rows @ wide.reshape(len(wide), H, -1)).reshape(len(wide), side, side, -1)
