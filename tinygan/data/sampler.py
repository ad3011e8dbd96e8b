"""The shuffled order of samples, a pure function of the position in the stream: one integer resumes a run exactly."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy import ndarray as Array

from tinygan.core.streams import Stream


class Sampler:
    """Maps position t of the stream to an index into the data.

    A set of ``size`` N is shuffled anew in each epoch e = t // N: index = permutation(seed, e)[t mod N]. Every sample
    occurs once in an epoch, and a batch may contain the end of one epoch and the start of the next. An endless set
    (``size`` None) is not shuffled: index = t. Raises ValueError if ``size`` is below 1.
    """

    def __init__(self, size: int | None, seed: int) -> None:
        if size is not None and size < 1:
            raise ValueError(f"Sampler: size is {size}; expected at least 1, or None for an endless set")
        self.size = size
        self.seed = seed

    def indices(self, position: int, n: int) -> Array:
        """Indices (n,) int64 of positions position, ..., position + n - 1."""
        t = np.arange(position, position + n, dtype=np.int64)
        if self.size is None:
            return t
        epochs, offsets = np.divmod(t, self.size)
        index = np.empty_like(t)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            index[here] = _permutation(self.size, self.seed, int(epoch))[offsets[here]]
        return index


@lru_cache(maxsize=4)  # this epoch and the next, for two data sets read together
def _permutation(size: int, seed: int, epoch: int) -> Array:
    order = np.random.default_rng([seed, Stream.ORDER, epoch]).permutation(size)
    order.flags.writeable = False
    return order
