"""Reverse the five row filters of PNG (ISO/IEC 15948, §9)."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array


def unfilter(kinds: Array, raw: Array) -> Array:
    """x = raw + predicted(a, b, c) mod 256, with a the pixel to the left, b the one above, and c the one above a.

    ``kinds`` (H,) are filter types 0 to 4; ``raw`` (H, W, B) uint8 has B bytes per pixel → x (H, W, B). The prediction is,
    by type: 0; a; b; ⌊(a + b)/2⌋; the one of a, b, c that is nearest to a + b - c (Paeth). Outside the image it uses 0.
    """
    height, width, unit = raw.shape
    x = np.zeros((height + 1, width + 1, unit), np.uint8)
    x[1:, 1:] = raw
    if kinds.max(initial=0) <= 2:
        _by_rows(kinds, x)
    else:
        _by_diagonals(kinds, x)
    return x[1:, 1:]


def _by_rows(kinds: Array, x: Array) -> None:
    for r, kind in enumerate(kinds.tolist(), start=1):
        if kind == 1:
            x[r] = np.cumsum(x[r], axis=0, dtype=np.uint8)
        elif kind == 2:
            x[r] += x[r - 1]


def _by_diagonals(kinds: Array, x: Array) -> None:
    """The pixels with row + column = d depend only on those of d - 1 and d - 2, so each diagonal is one array operation.

    In the flattened padded array, the pixels of a diagonal have a stride of W.
    """
    height, width = x.shape[0] - 1, x.shape[1] - 1
    flat = x.reshape(-1, x.shape[2])
    for d in range(height + width - 1):
        first, last = max(0, d - width + 1), min(height - 1, d)  # rows
        start, stop = (first + 1) * width + d + 2, (last + 1) * width + d + 3
        a, b, c = (flat[start - k : stop - k : width].astype(np.int16) for k in (1, width + 1, width + 2))
        near_a, near_b, near_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
        paeth = np.where((near_a <= near_b) & (near_a <= near_c), a, np.where(near_b <= near_c, b, c))
        kind = kinds[first : last + 1, None]
        flat[start:stop:width] += np.choose(kind, (np.int16(0), a, b, (a + b) >> 1, paeth)).astype(np.uint8)
