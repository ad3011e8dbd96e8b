"""The part of the table of layers (``cases.py``) whose layers have a state, or are one step of such a layer."""

from __future__ import annotations

from tinygan import layers as L
from tinygan.checks.cases_conditional import Case, Pick
from tinygan.core.compose import Sequential
from tinygan.core.layer import Layer


def _lstm_cell(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    i, h = pick(1, 5), pick(1, 4)
    return L.LSTMCell(i, h), (i + 2 * h,)


def _gru_cell(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    i, h = pick(1, 5), pick(1, 4)
    return L.GRUCell(i, h), (i + h,)


def _lstm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    i, h = pick(1, 4), pick(1, 3)
    return L.LSTM(i, h), (pick(1, 4), i)


def _gru(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    i, h = pick(1, 4), pick(1, 3)
    return L.GRU(i, h), (pick(1, 4), i)


def _unroll(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    """Elman's net with dropout and spectral normalisation."""
    i, s = pick(1, 4), pick(1, 4)
    step = Sequential(L.Dropout(0.3), L.SpectralNorm(L.Linear(i + s, s)), L.Tanh())
    return L.Unroll(step, i, s, pick(1, s)), (pick(1, 4), i)


def _canvas(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    """Images of 2x2 pixels with batch norms, dropout and spectral normalisation."""
    i, s, c = pick(1, 4), pick(1, 4), pick(1, 2)
    f = Sequential(L.Linear(i + s, 4 * c), L.Reshape(2, 2, c), L.BatchNorm(c), L.Softplus(), L.Conv2d(c, 2, 3, pad=1))
    g = Sequential(L.Dropout(0.3), L.Reshape(8), L.SpectralNorm(L.Linear(8, s)), L.Tanh())
    return L.Canvas(f, g, i, s, pick(1, 3)), (i,)


def _gates(make: type[L.GRUGates] | type[L.LSTMGates]) -> Case:
    def case(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
        h = pick(1, 5)
        return make(h), (5 * h,)

    return case


RECURRENT: dict[str, Case] = {
    "Canvas": _canvas,
    "GRU": _gru,
    "GRUCell": _gru_cell,
    "GRUGates": _gates(L.GRUGates),
    "LSTM": _lstm,
    "LSTMCell": _lstm_cell,
    "LSTMGates": _gates(L.LSTMGates),
    "Unroll": _unroll,
}
