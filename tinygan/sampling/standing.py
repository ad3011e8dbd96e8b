"""Standing statistics: batch-norm statistics measured anew before a generator is sampled (Brock et al. 2019, appendix).

The running values of training are an average over earlier weights, with the latents of training. Averaged weights or truncated
latents have other statistics.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygan.core.layer import Array, modules
from tinygan.core.net import Net
from tinygan.core.tree import tree_size
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm

Draw = Callable[[np.random.Generator], Array]  # x (N, ...) of one batch


def standing_statistics(
    net: Net, theta: Array, running: Array, draw: Draw, batches: int, rng: np.random.Generator
) -> Array:
    """The running values (R,) in which mean and var of each batch norm are their averages over ``batches`` batches.

    Each batch x = draw(rng) goes through the net with weights θ in training mode; var is the unbiased variance of a batch.
    Other running values (spectral vectors) stay as they are. Raises UsageError for less than one batch.
    """
    if batches < 1:
        raise UsageError(f"standing statistics need at least 1 batch: got {batches}")
    measuring = copy.deepcopy(net)
    for f in modules(measuring.f):
        if isinstance(f, BatchNorm):
            f.momentum = 1.0  # an update then returns the batch's own statistics
    total = np.zeros(len(running))
    for _ in range(batches):
        bound = measuring.bind(running, rng)
        total += bound.update(running, theta, bound.forward(theta, draw(rng))[1])
    measured = list(statistics(net.f.tree("running")))
    return np.where(measured, total / batches, running).astype(running.dtype)


def statistics(tree: dict[str, Any]) -> Iterator[bool]:
    """For each running value in order, whether it belongs to a batch norm: only these are called mean and var."""
    for name, branch in tree.items():
        yield from statistics(branch) if isinstance(branch, dict) else [name in ("mean", "var")] * tree_size(branch)
