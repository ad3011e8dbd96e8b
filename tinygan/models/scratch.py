"""The two nets of ScratchGAN: an LSTM along a string with outputs at every step (de Masson d'Autume et al. 2019).

At each step G returns the logits of the next token, and D one logit: whether the last token is real, given those before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.compose import Concat, Sequential
from tinygan.core.layer import Array, Layer, apply
from tinygan.core.net import Net
from tinygan.core.softmax import softmax
from tinygan.core.tree import tree_views
from tinygan.layers import Columns, Linear, LSTMCell, Unroll


def reader(tokens: int, hidden: int, out: int) -> Net:
    """x (N, T, tokens) → (N, T, out), the outputs of step t from x₁ … x_t. The state is [outputs, h, c]."""
    state = 2 * hidden
    kept = Concat(
        Columns(0, tokens), Columns(tokens + out, tokens + out + state)
    )  # [x, h, c], without the last outputs
    read = Concat(Sequential(Columns(0, hidden), Linear(hidden, out)), Sequential())
    step: Layer = Sequential(kept, LSTMCell(tokens, hidden), read)
    return Net(Unroll(step, tokens, out + state, out))


def shifted(x: Array) -> Array:
    """The input of G before each token: nothing, x₁, …, x_{T−1}."""
    before = np.zeros_like(x)
    before[:, 1:] = x[:, :-1]
    return before


def spoken(G: Net, theta: Array, u: Array) -> Array:
    """Strings from uniform numbers u (N, T): at each step the token whose part of [0, 1), by its probability, contains u_t.

    → one-hot (N, T, tokens).
    """
    chain: Any = G.f
    (unroll,), ((p,),) = chain.children, tree_views(chain.tree("shapes"), theta)
    (step,), x = unroll.children, np.zeros((len(u), *u.shape[1:], unroll.inputs), theta.dtype)
    state, token = np.zeros((len(u), unroll.state), theta.dtype), np.zeros_like(x[:, 0])
    for t in range(u.shape[1]):
        state = apply(step, p, np.concatenate([token, state], axis=1)[None])[0][0]
        share = np.cumsum(softmax(state[:, : unroll.outputs]), axis=1)
        token = np.eye(unroll.inputs, dtype=theta.dtype)[(u[:, t, None] >= share[:, :-1]).sum(axis=1)]
        x[:, t] = token
    return x
