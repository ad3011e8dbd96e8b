"""Samples as one picture: images side by side (layout and rounding of torchvision's make_grid and save_image, byte for byte),
points of the plane as dots, strings as their tokens in time."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import ShapeError


def to_uint8(images: Array) -> Array:
    """Pixels x in [-1, 1] → ⌊255 (x + 1)/2 + 1/2⌋ held in 0 ... 255, uint8; what is uint8 already stays as it is.

    The mapping to [0, 1] and the rounding of torchvision.utils.save_image, in the precision of ``images``.
    """
    if images.dtype == np.uint8:
        return images
    return np.clip((images + 1) / 2 * 255 + 0.5, 0, 255).astype(np.uint8)


def make_grid(images: Array, nrow: int = 8, padding: int = 2, pad_value: float = 0) -> Array:
    """Images (N, H, W, C), floats in [-1, 1] or uint8 → one picture uint8, ``nrow`` images to a row.

    Shape (rows (H + padding) + padding, columns (W + padding) + padding, C) with columns = min(nrow, N) and
    rows = ⌈N / columns⌉; one image alone comes back bare. One channel becomes three. ``pad_value`` is the brightness
    of the frame from 0, black, to 1, white. Source: torchvision.utils.make_grid. Raises ShapeError.
    """
    if images.ndim != 4 or len(images) == 0:
        raise ShapeError(f"make_grid: images are (N, H, W, C) with N at least 1: images {images.shape}")
    pixels = to_uint8(images)
    if pixels.shape[3] == 1:
        pixels = np.repeat(pixels, 3, axis=3)
    n, height, width, channels = pixels.shape
    if n == 1:
        return pixels[0]
    columns = min(nrow, n)
    rows = -(-n // columns)
    frame = to_uint8(np.array(2 * pad_value - 1))
    grid = np.full((rows * (height + padding) + padding, columns * (width + padding) + padding, channels), frame)
    for k, image in enumerate(pixels):
        top, left = (np.array(divmod(k, columns)) * (height + padding, width + padding) + padding).tolist()
        grid[top : top + height, left : left + width] = image
    return grid


LEAST, MOST = 512, 2048  # pixels a side of a picture for a person to look at
FACTORS = 64  # an enlarged picture stays one that a reader of PNG accepts


def enlarge(picture: Array, scale: int | None = None) -> Array:
    """A picture (H, W, ...) → (kH, kW, ...), every pixel a square of k x k pixels: nearest neighbour, so no new colours.

    k is ``scale``, or by default the least whole factor that gives both sides LEAST pixels, but no more than keeps the
    longer side within MOST, and at least 1. Raises ShapeError for a scale below 1 or beyond FACTORS.
    """
    short, long = sorted(picture.shape[:2])
    k = max(1, min(-(-LEAST // short), MOST // long)) if scale is None else scale
    if not 1 <= k <= FACTORS:
        raise ShapeError(f"enlarge: scale is a whole factor from 1 to {FACTORS}: scale {k}")
    return picture.repeat(k, axis=0).repeat(k, axis=1)


def picture_of(samples: Array, nrow: int = 8) -> Array:
    """Samples as one picture uint8: images (N, H, W, C) by ``make_grid``, pairs of them (N, H, W, 2C) side by side, points
    (N, 2) by ``dots``, strings (N, T, tokens) as images of a row a token, white where it stands."""
    if samples.ndim == 2:
        return dots(samples)
    if samples.ndim == 3:
        samples = 2 * samples.swapaxes(1, 2)[..., None] - 1
    if samples.shape[3] in (2, 6):
        samples = np.concatenate(np.split(samples, 2, axis=3), axis=2)
    return make_grid(samples, nrow)


def dots(points: Array, side: int = 257, reach: float | None = None) -> Array:
    """Points (N, 2) of the square [-reach, reach]² as white dots on black, (side, side, 3) uint8; y points up.

    Without ``reach`` all of them are seen: it is the greatest coordinate and a tenth more. Raises ShapeError.
    """
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ShapeError(f"dots: points are (N, 2) with N at least 1: points {points.shape}")
    reach = reach or 1.1 * float(np.abs(points).max()) or 1.0
    canvas = np.zeros((side, side, 3), np.uint8)
    column, row = ((points * [1, -1] / reach + 1) / 2 * (side - 1) + 0.5).astype(np.int64).T
    seen = (np.minimum(column, row) > 0) & (np.maximum(column, row) < side - 1)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            canvas[row[seen] + down, column[seen] + right] = 255
    return canvas
