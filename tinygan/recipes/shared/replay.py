"""A pool of earlier images of G, so that D does not forget what G has left behind (Shrivastava et al. 2017, §2.3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array


class Pool(NamedTuple):
    """Images (size, ...), of which the first ``held`` are there."""

    images: Array
    held: int


def empty(size: int, shape: tuple[int, ...]) -> Pool:
    return Pool(np.zeros((size, *shape), np.float32), 0)


def replayed(pool: Pool, fake: Array, rng: np.random.Generator) -> tuple[Pool, Array]:
    """The pool after a batch of images, and the batch that D is to see.

    While it fills, the batch joins the pool and is seen as it is. From then on half of what is seen comes from the pool, at
    random, and the images in whose place they are seen take theirs. Half of an odd batch is rounded up or down, evenly, so
    that of batches of one every second is old (Zhu et al. 2017, §4).
    """
    images, held = pool.images.copy(), pool.held
    if held < len(images):
        new = fake[: len(images) - held]
        images[held : held + len(new)] = new
        return Pool(images, held + len(new)), fake
    up = int(rng.integers(2)) if len(fake) % 2 else 0
    n = min((len(fake) + up) // 2, len(images))
    old = rng.choice(len(images), n, replace=False)
    seen = fake.copy()
    seen[:n] = images[old]
    images[old] = fake[:n]
    return Pool(images, held), seen
