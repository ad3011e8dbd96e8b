"""Pictures moved, turned and mirrored: no pixel gets a new value.

Each operation is an exact function of images and of numbers, one for each image (``mirrored``, ``turned``, ``cut``, ``moved``),
and under it a function of images and a generator that draws those numbers (``flip``, ``rot90``, ``crop``, ``shift``).
Images are (N, H, W, C) in [-1, 1], so black is -1; the results are new arrays.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

BLACK = -1.0  # what is beyond the edge


def mirrored(images: Array, which: Array) -> Array:
    """The images where ``which`` (N,) is true, left and right exchanged; the others as they are."""
    _for_each(images, which)
    return np.where(np.asarray(which, bool)[:, None, None, None], images[:, :, ::-1], images)


def turned(images: Array, quarters: Array) -> Array:
    """Each image turned anticlockwise by its number of quarter turns, ``quarters`` (N,) integers; H = W."""
    _for_each(images, quarters)
    if images.shape[1] != images.shape[2]:
        raise UsageError(f"a quarter turn needs square images: images {images.shape}")
    result = images.copy()
    for k in (1, 2, 3):
        here = np.asarray(quarters) % 4 == k
        result[here] = np.rot90(images[here], k, axes=(1, 2))
    return result


def cut(images: Array, top: Array, left: Array, size: tuple[int, int]) -> Array:
    """The part of each image of ``size`` (rows, columns) that begins at its row ``top`` (N,) and column ``left`` (N,)."""
    top, left = _for_each(images, top), _for_each(images, left)
    (h, w), (H, W) = size, images.shape[1:3]
    if min(size) < 1 or min(top.min(initial=0), left.min(initial=0)) < 0:
        raise UsageError(f"a part has 1 row and column or more and begins at 0 or more: size {size}")
    if top.max(initial=0) + h > H or left.max(initial=0) + w > W:
        raise UsageError(f"a part of {h}x{w} reaches beyond images of {H}x{W}")
    rows, columns = top[:, None] + np.arange(h), left[:, None] + np.arange(w)
    return images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def moved(images: Array, down: Array, right: Array, fill: float = BLACK) -> Array:
    """Each image moved ``down`` (N,) rows and ``right`` (N,) columns, negative for up and left; ``fill`` comes in."""
    down, right = _for_each(images, down), _for_each(images, right)
    H, W = images.shape[1:3]
    down, right = np.clip(down, -H, H), np.clip(right, -W, W)
    p, q = np.abs(down).max(initial=0), np.abs(right).max(initial=0)
    return cut(padded(images, (int(p), int(q)), fill), p - down, q - right, (H, W))


def padded(images: Array, pad: tuple[int, int], fill: float = BLACK) -> Array:
    """``fill`` in ``pad`` rows above and below and ``pad`` columns at either side."""
    if min(pad) < 0:
        raise UsageError(f"padding is 0 or more: got {pad}")
    (p, q), (N, H, W, C) = pad, images.shape
    result = np.full((N, H + 2 * p, W + 2 * q, C), fill, images.dtype)
    result[:, p : p + H, q : q + W] = images
    return result


def flip(images: Array, rng: np.random.Generator) -> Array:
    """Each image mirrored with probability 1/2."""
    return mirrored(images, rng.random(len(images)) < 0.5)


def rot90(images: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Each image turned by 0 to 3 quarters, all as likely, and the quarters (N,) int64 (Chen et al. 2019: the label)."""
    quarters = rng.integers(0, 4, len(images))
    return turned(images, quarters), quarters


def crop(images: Array, rng: np.random.Generator, *, pad: int = 0, size: tuple[int, int] | None = None) -> Array:
    """A part of ``size`` (None: H, W) of each image with ``pad`` black pixels around it; every place is as likely.

    ``pad`` 4 at 32 x 32 is He et al. 2016, §4.2. Raises UsageError where the part is larger than the padded image.
    """
    h, w = size or (images.shape[1], images.shape[2])
    images = padded(images, (pad, pad))
    if not (0 < h <= images.shape[1] and 0 < w <= images.shape[2]):
        raise UsageError(f"a part of {h}x{w} does not fit in images of {images.shape[1]}x{images.shape[2]}")
    top, left = (rng.integers(0, room + 1, len(images)) for room in (images.shape[1] - h, images.shape[2] - w))
    return cut(images, top, left, (h, w))


def shift(images: Array, rng: np.random.Generator, most: int) -> Array:
    """Each image moved by -``most`` to ``most`` rows and columns, all as likely; black comes in."""
    if most < 0:
        raise UsageError(f"the greatest shift is 0 or more pixels: got {most}")
    down, right = rng.integers(-most, most + 1, (2, len(images)))
    return moved(images, down, right)


def _for_each(images: Array, numbers: Array) -> Array:
    numbers = np.asarray(numbers)
    if images.ndim != 4 or numbers.shape != (len(images),) or numbers.dtype.kind not in "iub":
        raise UsageError(
            f"images are (N, H, W, C), with a whole number for each: images {images.shape}, "
            f"numbers {numbers.dtype} {numbers.shape}"
        )
    return numbers.astype(np.int64)
