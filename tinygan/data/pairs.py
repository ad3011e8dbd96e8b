"""Two image domains for translation, concatenated along the channels: images and edges, or emoji in two designs.

In the split "train" the two halves a and b come from different images (except by chance): b is shuffled, so the data has
no information about pairs. In the split "test" they come from the same image, so a translation can be compared with
the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from tinygan.data.counter_rng import key, uniform
from tinygan.data.registry import DATASETS, open_named

if TYPE_CHECKING:
    from tinygan.data.dataset import Dataset

ENDLESS = 2**40  # images of an endless set from which b is drawn
SOBEL = np.array([1, 2, 1]) / 4, np.array([1, 0, -1])  # smoothing along an edge, difference across it


def draw(name: str, split: str, seed: int) -> Pairs:
    """The data set ``name`` of the registry."""
    base = open_named(DATASETS[name].base, split, seed)
    of_a, other, of_b = (
        (halved, open_named("emoji-twitter", split, seed), halved) if "emoji" in name else (same, base, edges)
    )
    return Pairs(name, base, of_a, other, of_b, seed, split)


class Pairs:
    """Sample i is [a, b] (H, W, 2C): a from image i of ``base``; b from image i of ``other``, or in training a random one.

    The labels are those of a.
    """

    def __init__(
        self,
        name: str,
        base: Dataset,
        of_a: Callable[[Array], Array],
        other: Dataset,
        of_b: Callable[[Array], Array],
        seed: int = 0,
        split: str = "train",
    ) -> None:
        self.name, self.size, self.classes = name, base.size, base.classes
        self._a, self._b, self._of_a, self._of_b = base, other, of_a, of_b
        self._apart, self._stream = split == "train", key(seed, 0)
        self._order = None if other.size is None else np.random.default_rng(seed).permutation(other.size)
        self.shape: tuple[int, ...] = self.batch(np.zeros(1, np.int64))[0].shape[1:]

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """Images (n, H, W, 2C) float32 in [-1, 1] and a's labels. Sample i of a seed is the same in every batch."""
        a, labels = self._a.batch(index)
        if self._apart:
            index = self._another(index)
        b, _ = self._b.batch(index)
        return np.concatenate([self._of_a(a), self._of_b(b)], axis=3), labels

    def _another(self, index: Array) -> Array:
        """The index of b: by a fixed permutation of a finite set, drawn uniformly from an endless one."""
        if self._order is not None:
            return self._order[index % len(self._order)]
        return (ENDLESS * uniform(self._stream, index, 1)[:, 0]).astype(np.int64)


def same(x: Array) -> Array:
    return x


def halved(x: Array) -> Array:
    """Images (n, H, W, C) at half the height and width: means of 2 x 2 pixels."""
    n, H, W, C = x.shape
    return x.reshape(n, H // 2, 2, W // 2, 2, C).mean(axis=(2, 4))


def edges(x: Array) -> Array:
    """Edge images 2 min(|∇p|, 1) − 1 of images x = 2p − 1. ∇ is by Sobel filters; border pixels are repeated outside.

    A step from black to white is white.
    """
    p = np.pad(x / 2, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    across, along = SOBEL
    slopes = [filtered(filtered(p, w, 1), v, 2) for w, v in ((across, along), (along, across))]
    return (2 * np.minimum(np.hypot(*slopes), 1) - 1).astype(x.dtype)


def filtered(p: Array, weights: Array, axis: int) -> Array:
    """Σ_k w_k p[i + k] along an axis, which becomes two shorter."""
    n = p.shape[axis] - 2
    return sum(w * p.take(range(k, k + n), axis=axis) for k, w in enumerate(weights))
