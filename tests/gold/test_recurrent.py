"""Recurrent cells and their unrolling as PyTorch has them: value, gradients, and the gradients of a loss on tangents."""

import numpy as np
import pytest

from tinygan import layers as L
from tinygan.core.net import Net
from tinygan.objectives.penalties import through_jvp

from .twins import FIRST, SECOND, agree, cut, gradients, push_tangents, tensors

torch = pytest.importorskip("torch")

N, T, I, H, K = 3, 5, 4, 6, 2


def lstm_weights(w, b):
    """PyTorch has two biases of which the second is zero here: weight_ih, weight_hh, bias_ih, bias_hh."""
    return w[:, :I], w[:, I:], b, torch.zeros_like(b)


def gru_weights(w, b, v, b_x, u, b_h):
    return torch.cat([w[:, :I], v]), torch.cat([w[:, I:], u]), torch.cat([b, b_x]), torch.cat([0 * b, b_h])


def called(module, weights, *x):
    """The module, with these for its weights in the order of its own."""
    names = [name for name, _ in module.named_parameters()]
    return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), x)


def lstm_cell(weights, x):
    h, c = x[:, I : I + H], x[:, I + H :]
    return torch.cat(called(torch.nn.LSTMCell(I, H), lstm_weights(*weights), x[:, :I], (h, c)), dim=1)


def gru_cell(weights, x):
    return called(torch.nn.GRUCell(I, H), gru_weights(*weights), x[:, :I], x[:, I:])


def lstm(weights, x):
    return called(torch.nn.LSTM(I, H, batch_first=True), lstm_weights(*weights), x)[0]


def gru(weights, x):
    return called(torch.nn.GRU(I, H, batch_first=True), gru_weights(*weights), x)[0]


CASES = {
    "LSTM cell": (L.LSTMCell(I, H), (I + 2 * H,), lstm_cell),
    "GRU cell": (L.GRUCell(I, H), (I + H,), gru_cell),
    "LSTM": (L.LSTM(I, H), (T, I), lstm),
    "GRU": (L.GRU(I, H), (T, I), gru),
}


@pytest.fixture(params=CASES)
def place(request):
    """A net, its counterpart, θ, x and tangents."""
    f, shape, op = CASES[request.param]
    rng, net = np.random.default_rng(0), Net(f)
    theta = net.init(rng, np.float64)
    theta += 0.3 * rng.normal(size=theta.shape)
    x, x_dot = rng.normal(size=(N, *shape)), rng.normal(size=(K, N, *shape))
    return net, lambda weights, at: op(cut(net, weights), at), theta, x, x_dot


def test_value_and_gradients_are_those_of_torch(place):
    net, f, theta, x, _ = place
    y, saved = net.forward(theta, x)
    gy = np.random.default_rng(1).normal(size=y.shape)
    ours = net.backward(theta, saved, gy)
    weights, at = tensors(theta, x)
    theirs = f(weights, at)
    g, gx = gradients((theirs * torch.tensor(gy)).sum(), weights, at)
    agree(FIRST, y=(y, theirs.detach()), gtheta=(ours.theta, g), gx=(ours.x, gx))


def test_the_gradients_of_a_loss_on_tangents_are_those_of_torch(place):
    net, f, theta, x, x_dot = place
    value, ours = through_jvp(
        net, theta, x, x_dot, lambda y, y_dot: ((y**2).sum() + (y_dot**4).sum(), 2 * y, 4 * y_dot**3)
    )
    weights, at, way = tensors(theta, x, x_dot)
    theirs = f(weights, at).pow(2).sum() + push_tangents(lambda a: f(weights, a), at, way).pow(4).sum()
    g, gx, gx_dot = gradients(theirs, weights, at, way)
    agree(
        SECOND,
        value=(value, theirs.detach()),
        gtheta=(ours.theta, g),
        gx=(ours.x, gx),
        gx_dot=(ours.x_dot, gx_dot),
    )


def test_the_second_derivative_is_that_of_torch(place):
    net, f, theta, x, (u, v) = place
    _, _, (second,) = net.second_derivative(theta, x, np.stack([u, v]), ([0], [1]))
    weights, at, a, b = tensors(theta, x, u, v)

    def along_u(q):
        return push_tangents(lambda r: f(weights, r), q, a[None])[0]

    agree(SECOND, second=(second, push_tangents(along_u, at, b[None])[0].detach()))
