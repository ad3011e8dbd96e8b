"""The part of the table of layers (``cases.py``) whose layers mix the samples of a batch; batch norm is in that file."""

from __future__ import annotations

from tinygan import layers as L
from tinygan.checks.cases_conditional import Case, Pick
from tinygan.core.compose import Sequential
from tinygan.core.layer import Layer


def _virtual_batch_norm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    """The reference is three of the samples, so a batch has at least four."""
    c = pick(1, 4)
    return L.VirtualBatchNorm(c, 3), (c,) if pick(0, 1) else (pick(1, 3), pick(1, 3), c)


def _virtual(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    n, c, R = pick(1, 4), pick(1, 3), pick(3, 5)
    f = Sequential(L.Linear(n, 4 * c), L.Reshape(2, 2, c), L.VirtualBatchNorm(c, R), L.Tanh(), L.BatchNorm(c))
    return L.Virtual(f, (n,), R), (n,)


def _closeness(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    kernels, dims = pick(1, 4), pick(1, 3)
    return L.Closeness(kernels, dims), (kernels * dims,)


def _minibatch(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    n = pick(1, 6)
    return L.MinibatchDiscrimination(n, pick(1, 3), pick(1, 3), weight_norm=bool(pick(0, 1))), (n,)


BATCH: dict[str, Case] = {
    "Closeness": _closeness,
    "MinibatchDiscrimination": _minibatch,
    "Virtual": _virtual,
    "VirtualBatchNorm": _virtual_batch_norm,
}
