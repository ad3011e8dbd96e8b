"""Where training steps run: on the CPU, or on a GPU as one CUDA graph."""

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


class HostExecutor:
    """A recipe's steps on NumPy arrays."""

    logs_every_step = True  # a log costs no waiting

    def __init__(self, recipe: Any, state: Any) -> None:
        self.recipe, self.state = recipe, state
        self._log: Log = {}

    def step(self, batch: Batch, rng: np.random.Generator) -> None:
        """One step: ``state`` becomes the next one."""
        self.state, self._log = self.recipe.step(self.state, batch, rng)

    def log(self) -> Log:
        """The last step's numbers."""
        return self._log


class GraphExecutor:
    """A recipe's steps on a GPU: the first step is captured as a graph, the next ones replay it.

    A batch of other labels, shapes or types is captured anew. Raises UsageError where the recipe's step cannot be captured."""

    logs_every_step = False

    def __init__(self, recipe: Any, state: Any) -> None:
        self.recipe, self.first = recipe, state
        self.kind: Any = None  # of the batch: names of labels, shapes and types
        self.captured: Any = None

    def step(self, batch: Batch, rng: np.random.Generator) -> None:
        """One step. The CPU does not wait for it."""
        inputs = [batch.x, *batch.labels.values()]
        kind = list(batch.labels), [(a.shape, a.dtype) for a in inputs]
        if self.kind != kind:
            self.first = self.state
            self.captured = self.capture(kind[0], inputs, rng)
            self.kind = kind
        self.captured(inputs, rng)

    def capture(self, names: list[str], inputs: list[Array], rng: np.random.Generator) -> Any:
        """The graph, from a step that draws from a copy of ``rng``. Raises UsageError for a step that cannot be captured;
        any other error is a fault of the recipe and passes."""
        like = np.random.default_rng(0)
        like.bit_generator.state = rng.bit_generator.state
        graphs = kernels.graphs()
        try:
            return graphs.Captured(partial(self.call, names), list(arrays(self.first)), inputs, like)
        except graphs.NotCapturable as error:
            why = " ".join(str(error).split())
            raise UsageError(f"this system's steps do not run on a GPU ({why}): use --backend jit") from error

    def call(self, names: list[str], state: list[Any], inputs: list[Any], rng: Any) -> tuple[list[Any], dict[str, Any]]:
        """The recipe's step as a function of lists of arrays."""
        x, *labels = inputs
        batch = Batch(x, dict(zip(names, labels, strict=True)))
        new, log = self.recipe.step(tree_unflatten(self.first, iter(state)), batch, rng)
        return list(tree_leaves(new)), log

    @property
    def state(self) -> Any:
        """The state after the last step, as NumPy arrays. The CPU waits for it."""
        if self.captured is None:
            return self.first
        like = flatten(self.first)
        found = zip(like, self.captured.fetch(), strict=True)
        return restore(self.first, {name: a.astype(like[name].dtype) for name, a in found})

    def log(self) -> Log:
        """The last step's numbers. The CPU waits for them."""
        log: Log = self.captured.log()
        return log


def arrays(state: Any) -> Iterator[Array]:
    """The leaves as arrays. A float becomes float32, so that it does not widen the arrays that it is combined with."""
    return (np.asarray(a, np.float32 if isinstance(a, float) else None) for a in tree_leaves(state))
