"""Where training steps run: on the host, or on a GPU as one CUDA graph."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array
from tinygan.core.tree import tree_leaves, tree_unflatten
from tinygan.data import Batch
from tinygan.errors import UsageError
from tinygan.training.checkpoint import flatten, restore

Log = dict[str, float]


class OnHost:
    """A recipe's steps by NumPy arrays."""

    tells_at_once = True  # every step's log is at hand

    def __init__(self, recipe: Any, state: Any) -> None:
        self.recipe, self.state = recipe, state
        self.log: Log = {}

    def step(self, batch: Batch, rng: np.random.Generator) -> None:
        self.state, self.log = self.recipe.step(self.state, batch, rng)

    def tell(self) -> Log:
        """The last step's log."""
        return self.log


class OnDevice:
    """A recipe's steps on a GPU: the first is captured, others replay it, and one of a batch of another kind is captured anew.
    Raises UsageError where that cannot be."""

    tells_at_once = False

    def __init__(self, recipe: Any, state: Any) -> None:
        self.recipe, self.first = recipe, state
        self.kind: Any = None  # of the batch: names of labels, shapes and types
        self.captured: Any = None

    def step(self, batch: Batch, rng: np.random.Generator) -> None:
        inputs = [batch.x, *batch.labels.values()]
        kind = list(batch.labels), [(a.shape, a.dtype) for a in inputs]
        if self.kind != kind:
            self.first = self.state
            self.captured = self.capture(kind[0], inputs, rng)
            self.kind = kind
        self.captured(inputs, rng)

    def capture(self, names: list[str], inputs: list[Array], rng: np.random.Generator) -> Any:
        """The graph, from a step whose draws are those of a generator like ``rng``."""
        like = np.random.default_rng(0)
        like.bit_generator.state = rng.bit_generator.state
        graphs = kernels.graphs()
        try:
            return graphs.Captured(partial(self.call, names), list(arrays(self.first)), inputs, like)
        except graphs.NotCapturable as error:
            why = " ".join(str(error).split())
            raise UsageError(f"this system's steps do not run on a GPU ({why}): use --backend jit") from error

    def call(self, names: list[str], state: list[Any], inputs: list[Any], rng: Any) -> tuple[list[Any], dict[str, Any]]:
        x, *labels = inputs
        batch = Batch(x, dict(zip(names, labels, strict=True)))
        new, log = self.recipe.step(tree_unflatten(self.first, iter(state)), batch, rng)
        return list(tree_leaves(new)), log

    @property
    def state(self) -> Any:
        """On the host."""
        if self.captured is None:
            return self.first
        like = flatten(self.first)
        found = zip(like, self.captured.fetch(), strict=True)
        return restore(self.first, {name: a.astype(like[name].dtype) for name, a in found})

    def tell(self) -> Log:
        log: Log = self.captured.tell()
        return log


def arrays(state: Any) -> Iterator[Array]:
    """The leaves as arrays; of the numbers those with a point are float32, so that they widen nothing that they meet."""
    return (np.asarray(a, np.float32 if isinstance(a, float) else None) for a in tree_leaves(state))
