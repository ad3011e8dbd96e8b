"""Recurrent cells, and layers that apply a cell at every time step with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.compose import Composite, Concat, Sequential
from tinygan.core.init import Init, lecun
from tinygan.core.layer import Bundle, Layer, Pairs, Params, Saved, Shape, apply, vjp
from tinygan.layers.gates import GRUGates, LSTMGates
from tinygan.layers.linear import Linear
from tinygan.layers.shape import Columns


class Cell(Sequential):
    """One step of a recurrent net: [x, state] (N, I + S)  →  the next state (N, S)."""

    def __init__(self, inputs: int, state: int, *children: Layer) -> None:
        super().__init__(*children)
        self.inputs, self.state = inputs, state

    def out_shape(self, shape: Shape) -> Shape:
        if shape != (self.inputs + self.state,):
            raise self.shape_error(f"expects rows of {self.inputs} inputs and {self.state} of its state", shape)
        return (self.state,)


class LSTMCell(Cell):
    """[a_i, a_f, a_g, a_o] = W [x, h] + b, then ``LSTMGates``   (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    W (4H, I + H) is PyTorch's weight_ih and weight_hh side by side, b (4H,) the sum of its two biases. b is initially 0,
    but ``forget`` for the forget gate: with 1 the gate is open at first, so that c is kept (Jozefowicz et al. 2015).

    x = [x, h, c] (N, I + 2H)  →  y = [h', c'] (N, 2H); I = ``inputs``, H = ``hidden``.
    """

    def __init__(self, inputs: int, hidden: int, *, forget: float = 1.0, init: Init = lecun) -> None:
        self.hidden, self.forget = hidden, forget
        c = inputs + hidden
        a = Sequential(Columns(0, c), Linear(c, 4 * hidden, init=init))
        super().__init__(inputs, 2 * hidden, Concat(a, Columns(c, c + hidden)), LSTMGates(hidden))

    def init(self, rng: np.random.Generator) -> Params:
        p = super().init(rng)
        ((_, (_, b)), _), _ = p
        b[self.hidden : 2 * self.hidden] = self.forget
        return p


class GRUCell(Cell):
    """[a_r, a_z] = W [x, h] + b,  a_x = V x + b_x,  a_h = U h + b_h, then ``GRUGates``   (Cho et al. 2014).

    W (2H, I + H) is the first 2H rows of PyTorch's weight_ih and weight_hh side by side; V (H, I) and U (H, H) are their last
    H rows. b is the sum of the first 2H numbers of its two biases; b_x and b_h are their last H numbers.

    x = [x, h] (N, I + H)  →  y = h' (N, H); I = ``inputs``, H = ``hidden``.
    """

    def __init__(self, inputs: int, hidden: int, *, init: Init = lecun) -> None:
        I, S = inputs, inputs + hidden
        gates = Linear(S, 2 * hidden, init=init)
        a_x = Sequential(Columns(0, I), Linear(I, hidden, init=init))
        a_h = Sequential(Columns(I, S), Linear(hidden, hidden, init=init))
        super().__init__(I, hidden, Concat(gates, a_x, a_h, Columns(I, S)), GRUGates(hidden))


class Unroll(Composite):
    """s_t = f([x_t, s_{t−1}]) for t = 1 … T, s_0 = 0, ṡ_0 = 0;   y_t is the first O of s_t's S numbers.

    f is any layer that maps rows (I + S,) to rows (S,). Backwards in time, with ȳ_t added to the first O of s̄_t,

        [x̄_t, s̄_{t−1}] = f's adjoint at step t of s̄_t,   f̄ = Σ_t f's gradient at step t

    and likewise for tangents (Werbos 1990). Every step updates the running values; a dropout mask is the same at every step
    (Gal & Ghahramani 2016).   x (N, T, I)  →  y (N, T, O); I = ``inputs``, S = ``state``, O = ``outputs``, by default S.
    """

    def __init__(self, f: Layer, inputs: int, state: int, outputs: int | None = None) -> None:
        super().__init__(f)
        self.inputs, self.state, self.outputs = inputs, state, state if outputs is None else outputs
        if not 0 < self.outputs <= state:
            raise ValueError(f"Unroll: outputs must be at most the {state} numbers of the state: got {outputs}")
        if f.out_shape((inputs + state,)) != (state,):
            raise ValueError(f"Unroll: f must map rows of {inputs} + {state} numbers to rows of {state}")

    @property
    def piecewise_linear(self) -> bool:
        return False

    def out_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2 or shape[0] < 1 or shape[1] != self.inputs:
            raise self.shape_error(f"expects at least one step of {self.inputs} numbers", shape)
        return shape[0], self.outputs

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        (f,), (q,) = self.children, p
        Y, saved, S = [], [], self.start(X)
        for t in range(X.shape[2]):
            S, s = apply(f, q, np.concatenate([X[:, :, t], S], axis=-1))
            Y.append(S[..., : self.outputs])
            saved.append(s)
        return in_time(Y), saved

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        (f,), (q,) = self.children, p
        Y, S = [], self.start(X)
        for t in range(X.shape[2]):
            S = f.jet(q, np.concatenate([X[:, :, t], S], axis=-1), pairs)
            Y.append(S[..., : self.outputs])
        return in_time(Y)

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        (f,), (q,) = self.children, p
        GX, total, GS = [], None, self.start(G)
        for t in reversed(range(G.shape[2])):
            GS[..., : self.outputs] += G[:, :, t]
            GZ, g = vjp(f, q, saved[t], GS, wrt_p=wrt_p)
            GX.append(GZ[..., : self.inputs])
            GS = GZ[..., self.inputs :].copy()
            total = g if total is None else plus(total, g)
        return in_time(GX[::-1]) if wrt_x else None, (total,) if wrt_p else None

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        (f,), (q,), (r,) = self.children, p, running
        for _, s in saved:
            r = f.update(r, q, s)
        return (r,)

    def start(self, X: Bundle) -> Any:
        """A state of zeros for each sample and tangent."""
        return np.zeros_like(X, shape=(*X.shape[:2], self.state), order="C")


class LSTM(Unroll):
    """h_t of an ``LSTMCell`` for t = 1 … T, from h_0 = c_0 = 0.   x (N, T, I)  →  y (N, T, H). Use several for a deep net."""

    def __init__(self, inputs: int, hidden: int, *, forget: float = 1.0, init: Init = lecun) -> None:
        super().__init__(LSTMCell(inputs, hidden, forget=forget, init=init), inputs, 2 * hidden, hidden)


class GRU(Unroll):
    """h_t of a ``GRUCell`` for t = 1 … T, from h_0 = 0.   x (N, T, I)  →  y (N, T, H). Use several for a deep net."""

    def __init__(self, inputs: int, hidden: int, *, init: Init = lecun) -> None:
        super().__init__(GRUCell(inputs, hidden, init=init), inputs, hidden)


def in_time(steps: Any) -> Any:
    """The arrays of all time steps, each (T, N, ...), as one (T, N, time, ...).

    Not by np.stack, which a CUDA graph cannot capture with many arrays.
    """
    first = steps[0]
    Y = np.empty((*first.shape[:2], len(steps), *first.shape[2:]), first.dtype, like=first)
    for t, step in enumerate(steps):
        Y[:, :, t] = step
    return Y


def plus(p: Any, q: Any) -> Any:
    """The sum of two gradients, array by array."""
    return tuple(map(plus, p, q)) if isinstance(p, tuple) else p + q
