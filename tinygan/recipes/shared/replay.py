"""A pool of earlier generated images, which keep D from forgetting what G did before (Shrivastava et al. 2017, §2.3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array


class Pool(NamedTuple):
    """Images (size, ...), of which the first ``held`` are filled."""

    images: Array
    held: int


def empty(size: int, shape: tuple[int, ...]) -> Pool:
    return Pool(np.zeros((size, *shape), np.float32), 0)


def replayed(pool: Pool, fake: Array, rng: np.random.Generator) -> tuple[Pool, Array]:
    """The pool after a batch of generated images, and the batch for D.

    While the pool fills, the batch is copied into it and goes to D unchanged. Afterwards half of the batch is exchanged with
    random images of the pool. Half of an odd batch is rounded up or down with equal probability, so of batches of one image
    every second comes from the pool on average (Zhu et al. 2017, §4).
    """
    images, held = pool.images.copy(), pool.held
    if held < len(images):
        new = fake[: len(images) - held]
        images[held : held + len(new)] = new
        return Pool(images, held + len(new)), fake
    up = int(rng.integers(2)) if len(fake) % 2 else 0
    n = min((len(fake) + up) // 2, len(images))
    old = rng.choice(len(images), n, replace=False)
    mixed = fake.copy()
    mixed[:n] = images[old]
    images[old] = fake[:n]
    return Pool(images, held), mixed
