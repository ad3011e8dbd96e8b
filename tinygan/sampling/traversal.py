"""Pictures of a generator's geometry: an image along its local coordinates, and the shortest path between two samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.errors import UsageError, by
from tinygan.geometry import Generator, Geodesic, geodesic
from tinygan.images.grid import make_grid, to_uint8
from tinygan.recipes.protocols import GaussianLatents, LocalCoordinates

PADDING = 2  # pixels between images
TOLERANCE = 1e-4  # of a path: its energy has kinks where the net has rectifiers


def sweep(recipe: LocalCoordinates, state: Any, image: Array, reach: float, columns: int) -> Array:
    """The grid of G(x, zⱼ eⱼ): a row for each coordinate j, zⱼ from −reach to reach, G(x, 0) in a frame in the middle.

    image (H, W, C) in [-1, 1], ``columns`` odd → uint8, as fig. 2 of Qi et al. 2018. Raises UsageError for points, another
    shape, or columns and reach out of range.
    """
    if len(recipe.shape) != 3:
        raise UsageError("the run was trained on points; edit draws images")
    if image.shape != recipe.shape:
        raise UsageError(f"the image is {by(image.shape)}; the run was trained on images of {by(recipe.shape)}")
    if columns < 3 or columns % 2 == 0 or not 0 < reach < np.inf:
        raise UsageError(f"--columns is odd, at least 3, and --reach above 0: got {columns} and {reach}")
    N = recipe.latent
    z = np.zeros((N, columns, N), np.float32)
    z[np.arange(N), :, np.arange(N)] = np.linspace(-reach, reach, columns)
    x = np.repeat(image[None], N * columns, axis=0)
    grid = make_grid(recipe.local(state, x, z.reshape(-1, N)), nrow=columns, padding=PADDING)
    box(grid, columns // 2, image.shape, N)
    return grid


def box(grid: Array, column: int, shape: tuple[int, ...], rows: int) -> None:
    """Paint a white frame around one column of a grid."""
    H, W, _ = shape
    left, right = column * (W + PADDING), (column + 1) * (W + PADDING)
    grid[:, left : left + PADDING] = grid[:, right : right + PADDING] = 255
    for row in range(rows + 1):
        grid[row * (H + PADDING) : row * (H + PADDING) + PADDING, left : right + PADDING] = 255


def strip(recipe: GaussianLatents, state: Any, a: Array, b: Array, images: int) -> tuple[Array, Geodesic]:
    """Three rows from sample G(a) to G(b): the shortest path on the surface of samples, the straight line of latents, and the
    straight line of pixels, which leaves the surface.   a, b (latent,) → uint8, and the geodesic. Raises UsageError.
    """
    if images < 3 or images % 2 == 0:
        raise UsageError(f"--columns is odd and at least 3: got {images}")
    net = recipe.G.eval(state.G_running)
    part = np.linspace(0, 1, images)[:, None]
    straight = net.forward(state.G_ema, ((1 - part) * a + part * b).astype(np.float32))[0]
    if straight.ndim != 4:
        raise UsageError("the run was trained on points; geodesic draws images")
    found = geodesic(Generator(net, state.G_ema), a, b, segments=images - 1, tolerance=TOLERANCE)
    fade = (1 - part[..., None, None]) * straight[0] + part[..., None, None] * straight[-1]
    rows = [found.y.reshape(straight.shape), straight, fade]
    return make_grid(to_uint8(np.concatenate(rows)), nrow=images, padding=PADDING), found
