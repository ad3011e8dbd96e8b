"""The part of the table of layers (``cases.py``) whose layers have a condition."""

from __future__ import annotations

import math
from collections.abc import Callable

from tinygan import layers as L
from tinygan.core.compose import Residual, Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.layer import Layer
from tinygan.layers.conditional import of_row

Pick = Callable[[int, int], int]
Case = Callable[[Pick], tuple[Layer, tuple[int, ...]]]


def _columns(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    d = pick(1, 6)
    start = pick(0, d - 1)
    return L.Columns(start, pick(start, d)), (d,)


def _conditioned(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    """A residual block: all of x is the condition, and a part of x is h."""
    c, d = pick(2, 3), pick(1, 3)
    n = 2 * 3 * c
    stem = Sequential(L.Columns(0, n), L.Reshape(2, 3, c))
    block = Sequential(L.BatchNorm(c), L.FiLM(Sequential(L.Linear(n + d, 3), L.Tanh(), L.Linear(3, 2 * c))), L.SiLU())
    residual = Residual(block, Sequential(L.Conv2d(c, c, 1)) if pick(0, 1) else None)
    join = L.ConcatCondition(L.Linear(n + d, 2) if pick(0, 1) else L.Columns(n, n + d))
    return Conditioned(stem, Sequential(), Sequential(residual, join)), (n + d,)


def _film(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c, d = pick(1, 3), pick(1, 3)
    return _of_row(L.FiLM(L.Linear(d, 2 * c)), (pick(1, 3), pick(1, 3), c), d)


def _join(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c, d = pick(1, 3), pick(1, 3)
    return _of_row(
        L.ConcatCondition(L.Linear(d, pick(1, 3)) if pick(0, 1) else Sequential()), (pick(1, 3), pick(1, 3), c), d
    )


def _project(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    n, d = pick(1, 5), pick(1, 4)
    return _of_row(L.ProjectionHead(L.Linear(n, 1), L.SpectralNorm(L.Linear(d, n, bias=False))), (n,), d)


def _filterbank(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    return L.Filterbank(pick(1, 4), pick(2, 5), 0.5 * pick(1, 4)), (3,)


def _read(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    n, size, c, d = pick(1, 4), (pick(1, 5), pick(2, 5)), pick(1, 2), pick(1, 3)
    return _of_row(L.Read(L.Linear(d, 5), n, size), (*size, c), d)


def _write(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    n, size, c, d = pick(1, 4), (pick(1, 5), pick(2, 5)), pick(1, 2), pick(1, 3)
    return _of_row(L.Write(L.Linear(d, 5), n, size), (n, n, c), d)


def _of_row(f: Layer, shape: tuple[int, ...], d: int) -> tuple[Layer, tuple[int, ...]]:
    return of_row(shape, d, f), (math.prod(shape) + d,)


CONDITIONAL: dict[str, Case] = {
    "Columns": _columns,
    "Conditioned": _conditioned,
    "FiLM": _film,
    "Filterbank": _filterbank,
    "ConcatCondition": _join,
    "ProjectionHead": _project,
    "Read": _read,
    "Write": _write,
}
