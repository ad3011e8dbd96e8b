"""Pictures side by side in one: layout and rounding of torchvision's make_grid and save_image, byte for byte."""

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


def scatter(points: Array, reach: float = 2.5, size: int = 200) -> Array:
    """Points (N, 2) → one picture uint8 (size, size, 3) of the square from −reach to reach, y upwards: white dots on black.

    Points outside the square are not seen.
    """
    seen, _, _ = np.histogram2d(-points[:, 1], points[:, 0], bins=size, range=[[-reach, reach]] * 2)
    return np.repeat(np.where(seen[..., None] > 0, 255, 0).astype(np.uint8), 3, axis=2)
