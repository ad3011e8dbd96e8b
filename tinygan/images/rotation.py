"""Quarter turns of square images: permutations of pixels, and their adjoints (Chen et al. 2019, §4).

R turns an image anticlockwise by a quarter: (R x)[i, j] = x[j, S − 1 − i], S the side. Rows and columns are exchanged, then
the rows reversed. R is a permutation, so its adjoint is its inverse, ⟨Rᵏx, y⟩ = ⟨x, R⁻ᵏy⟩ without rounding, and R⁴ = 1.
Images are (N, S, S, C) of any dtype; results are contiguous, and no input is written.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

TURNS = 4  # the classes of a rotation head: k quarter turns, k = 0, 1, 2, 3


def rotate(x: Array, k: int) -> Array:
    """Rᵏx for any integer k; its adjoint is R⁻ᵏ.   x (N, S, S, C) → (N, S, S, C). UsageError for other images."""
    _square(x)
    return np.rot90(x, k, axes=(1, 2)).copy()


def rotations(x: Array) -> tuple[Array, Array]:
    """[x, Rx, R²x, R³x] in blocks, (4N, S, S, C), and the label k of each image, (4N,) int64: first N zeros, then N ones."""
    return np.concatenate([rotate(x, k) for k in range(TURNS)]), np.repeat(np.arange(TURNS, like=x), len(x))


def rotations_adjoint(g: Array) -> Array:
    """Σₖ R⁻ᵏ gₖ over the blocks of g (4N, S, S, C) → (N, S, S, C). Raises UsageError unless g has four blocks."""
    _square(g)
    if len(g) % TURNS:
        raise UsageError(f"the adjoint of four rotations needs four blocks of images: got {g.shape}")
    upright, *turned = (rotate(block, -k) for k, block in enumerate(np.split(g, TURNS)))
    return sum(turned, start=upright)


def _square(x: Array) -> None:
    if x.ndim != 4 or x.shape[1] != x.shape[2]:
        raise UsageError(f"a quarter turn needs square images (N, S, S, C): got {x.shape}")
