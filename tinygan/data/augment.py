"""Data augmentation by flips, quarter turns, crops and shifts. Pixels are only moved, never interpolated.

Each operation exists twice. ``mirrored``, ``turned``, ``cut`` and ``moved`` take one given number per image.
``flip``, ``rot90``, ``crop`` and ``shift`` draw those numbers from a random generator.
Images are (N, H, W, C) in [-1, 1], so black is -1. The results are new arrays.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

BLACK = -1.0  # fills the area outside an image


def mirrored(images: Array, which: Array) -> Array:
    """Flip the images for which ``which`` (N,) is true from left to right. The others are unchanged."""
    _for_each(images, which)
    return np.where(np.asarray(which, bool)[:, None, None, None], images[:, :, ::-1], images)


def turned(images: Array, quarters: Array) -> Array:
    """Turn each image anticlockwise by ``quarters`` (N,) quarter turns; H = W. Raises UsageError."""
    _for_each(images, quarters)
    if images.shape[1] != images.shape[2]:
        raise UsageError(f"a quarter turn needs square images, got {images.shape}; crop them to a square first")
    result = images.copy()
    for k in (1, 2, 3):
        here = np.asarray(quarters) % 4 == k
        result[here] = np.rot90(images[here], k, axes=(1, 2))
    return result


def cut(images: Array, top: Array, left: Array, size: tuple[int, int]) -> Array:
    """Crop each image to ``size`` (rows, columns), starting at row ``top`` (N,) and column ``left`` (N,). Raises UsageError."""
    top, left = _for_each(images, top), _for_each(images, left)
    (h, w), (H, W) = size, images.shape[1:3]
    if min(size) < 1 or min(top.min(initial=0), left.min(initial=0)) < 0:
        raise UsageError(f"a crop needs at least 1 row and column and a start of at least 0, got size {size}")
    if top.max(initial=0) + h > H or left.max(initial=0) + w > W:
        raise UsageError(f"a crop of {h}x{w} pixels reaches outside images of {H}x{W}; choose a smaller crop")
    rows, columns = top[:, None] + np.arange(h), left[:, None] + np.arange(w)
    return images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def moved(images: Array, down: Array, right: Array, fill: float = BLACK) -> Array:
    """Shift each image by ``down`` (N,) rows and ``right`` (N,) columns (negative: up, left). ``fill`` fills the gap."""
    down, right = _for_each(images, down), _for_each(images, right)
    H, W = images.shape[1:3]
    down, right = np.clip(down, -H, H), np.clip(right, -W, W)
    p, q = np.abs(down).max(initial=0), np.abs(right).max(initial=0)
    return cut(padded(images, (int(p), int(q)), fill), p - down, q - right, (H, W))


def padded(images: Array, pad: tuple[int, int], fill: float = BLACK) -> Array:
    """Add ``pad`` = (rows, columns) of the value ``fill`` on each side of every image. Raises UsageError."""
    if min(pad) < 0:
        raise UsageError(f"padding must be at least 0 pixels, got {pad}")
    (p, q), (N, H, W, C) = pad, images.shape
    result = np.full((N, H + 2 * p, W + 2 * q, C), fill, images.dtype)
    result[:, p : p + H, q : q + W] = images
    return result


def flip(images: Array, rng: np.random.Generator) -> Array:
    """Flip each image from left to right with probability 1/2."""
    return mirrored(images, rng.random(len(images)) < 0.5)


def rot90(images: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Turn each image by 0 to 3 quarter turns, drawn uniformly. Returns the images and the turns (N,) int64, the labels
    of the self-supervised loss of Chen et al. 2019."""
    quarters = rng.integers(0, 4, len(images))
    return turned(images, quarters), quarters


def crop(images: Array, rng: np.random.Generator, *, pad: int = 0, size: tuple[int, int] | None = None) -> Array:
    """Pad each image with ``pad`` black pixels, then crop it to ``size`` (None: H, W) at a uniformly random position.

    ``pad=4`` at 32 x 32 pixels is He et al. 2016, §4.2. Raises UsageError if the crop is larger than the padded image.
    """
    h, w = size or (images.shape[1], images.shape[2])
    images = padded(images, (pad, pad))
    if not (0 < h <= images.shape[1] and 0 < w <= images.shape[2]):
        raise UsageError(
            f"a crop of {h}x{w} pixels does not fit in images of {images.shape[1]}x{images.shape[2]}; choose a smaller one"
        )
    top, left = (rng.integers(0, room + 1, len(images)) for room in (images.shape[1] - h, images.shape[2] - w))
    return cut(images, top, left, (h, w))


def shift(images: Array, rng: np.random.Generator, most: int) -> Array:
    """Shift each image by -``most`` to ``most`` rows and columns, drawn uniformly. Black fills the gap."""
    if most < 0:
        raise UsageError(f"the largest shift must be at least 0 pixels, got {most}")
    down, right = rng.integers(-most, most + 1, (2, len(images)))
    return moved(images, down, right)


def _for_each(images: Array, numbers: Array) -> Array:
    numbers = np.asarray(numbers)
    if images.ndim != 4 or numbers.shape != (len(images),) or numbers.dtype.kind not in "iub":
        raise UsageError(
            f"expected images (N, H, W, C) and one integer per image (N,): got images {images.shape}, "
            f"numbers {numbers.dtype} {numbers.shape}"
        )
    return numbers.astype(np.int64)
