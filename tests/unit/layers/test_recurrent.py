"""What recurrent layers keep and forget, step by step; their derivatives are proved in test_layers.py."""

import numpy as np
import pytest

from tinygan import layers as L
from tinygan.core.compose import Sequential
from tinygan.core.net import Net


@pytest.mark.parametrize("forget", [0.0, 1.0, 2.5])
def test_the_forget_gate_begins_open_by_its_bias_and_the_other_biases_are_zero(forget, rng):
    net = Net(L.LSTMCell(2, 3, forget=forget))
    (_, b) = net.view(net.init(rng, np.float64)).values()
    assert b.tolist() == [0.0] * 3 + [forget] * 3 + [0.0] * 6


@pytest.mark.parametrize(("i", "f", "expected"), [(-1e3, 1e3, [2.0]), (1e3, -1e3, [np.tanh(0.5)]), (-1e3, -1e3, [0.0])])
def test_gates_keep_replace_or_clear_the_memory(i, f, expected):
    x = np.array([[i, f, 0.5, 1e3, 2.0]])
    y, _ = Net(L.LSTMGates(1)).forward(np.zeros(0), x)
    assert y[0, 1:].tolist() == expected
    assert abs(y[0, 0] - np.tanh(expected[0])) <= 1e-15


@pytest.mark.parametrize(
    ("r", "z", "expected"), [(0, 1e3, 2.0), (1e3, -1e3, np.tanh(0.5 + 3.0)), (-1e3, -1e3, np.tanh(0.5))]
)
def test_gates_keep_the_state_or_replace_it_with_or_without_a_look_at_it(r, z, expected):
    y, _ = Net(L.GRUGates(1)).forward(np.zeros(0), np.array([[r, z, 0.5, 3.0, 2.0]]))
    assert abs(y.item() - expected) <= 1e-15


@pytest.mark.parametrize(("cell", "layer", "state"), [(L.LSTMCell, L.LSTM, 6), (L.GRUCell, L.GRU, 3)])
def test_a_layer_is_its_cell_step_by_step(cell, layer, state, rng):
    step, net = Net(cell(2, 3)), Net(layer(2, 3))
    theta, x = net.init(rng, np.float64), rng.normal(size=(4, 5, 2))
    assert step.size == net.size
    y, _ = net.forward(theta, x)
    s = np.zeros((4, state))
    for t in range(5):
        s, _ = step.forward(theta, np.concatenate([x[:, t], s], axis=1))
        assert (s[:, :3] == y[:, t]).all()


def test_no_step_knows_what_comes_after_it(rng):
    net = Net(L.LSTM(2, 3), L.LSTM(3, 2))
    theta, x = net.init(rng, np.float64), rng.normal(size=(1, 6, 2))
    y, saved = net.forward(theta, x)
    gy = np.zeros_like(y)
    gy[:, 3] = 1
    gx = net.backward(theta, saved, gy).x
    assert (gx[:, 4:] == 0).all()
    assert (gx[:, :4] != 0).all()


def test_running_values_move_by_every_step_in_turn(rng):
    step = Sequential(L.Linear(3, 2), L.BatchNorm(2, momentum=0.5))
    net, one = Net(L.Unroll(step, 1, 2)), Net(step)
    theta, x = net.init(rng, np.float64), rng.normal(size=(8, 3, 1))
    running = net.init_running(theta, rng)
    y, saved = net.forward(theta, x)
    expected, s = running, np.zeros((8, 2))
    for t in range(3):
        z, kept = one.forward(theta, np.concatenate([x[:, t], s], axis=1))
        expected, s = one.update(expected, theta, kept), y[:, t]
        assert np.abs(z - s).max() <= 1e-14
    assert (net.update(running, theta, saved) == expected).all()


def test_a_step_that_is_none_is_refused():
    with pytest.raises(ValueError, match="rows of 3 \\+ 2 numbers to rows of 2"):
        L.Unroll(L.Linear(5, 3), 3, 2)
    with pytest.raises(ValueError, match="at most the 2 numbers of the state: got 3"):
        L.Unroll(L.Linear(5, 2), 3, 2, 3)


def test_a_memory_of_ones_survives_a_hundred_steps_and_so_does_its_gradient():
    """The constant error carousel: with f = 1 and i = 0 neither c nor c̄ fades (Hochreiter & Schmidhuber 1997, §3.2)."""
    gates = Net(L.LSTMGates(1))
    s, saved = np.array([[0.0, 1.0]]), []
    for _ in range(100):
        s, kept = gates.forward(np.zeros(0), np.concatenate([[[-1e3, 1e3, 0.0, -1e3]], s[:, 1:]], axis=1))
        saved.append(kept)
    g = np.array([[0.0, 1.0]])
    for kept in reversed(saved):
        g = np.concatenate([[[0.0]], gates.backward(np.zeros(0), kept, g).x[:, 4:]], axis=1)
    assert s[0, 1] == g[0, 1] == 1
