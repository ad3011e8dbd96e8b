"""Orthogonal regularisation has the gradient of its value, on weights and on nothing else."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm, Conv2d, ConvTranspose2d, Linear, ReLU, Reshape, SelfAttention, SpectralNorm
from tinygan.objectives.orthogonal import orthogonal

FORMS = ["classic", "relaxed"]
PARTS = {  # weights of every kind of layout: rows of W are (C_out, rest)
    "linear": Net(Linear(4, 3, bias=False)),
    "more rows than columns": Net(Linear(3, 5, bias=False)),
    "convolution": Net(Conv2d(2, 3, 3, bias=False)),
    "transposed convolution": Net(ConvTranspose2d(3, 2, 3, bias=False)),
    "spectral": Net(SpectralNorm(ConvTranspose2d(3, 2, 3, bias=False))),
    "all": Net(
        *(Linear(4, 12), Reshape(2, 2, 3), BatchNorm(3), ReLU(), ConvTranspose2d(3, 4, 4, stride=2, pad=1)),
        *(SelfAttention(4, 2, 3, spectral=True), SpectralNorm(Conv2d(4, 2, 3))),
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", PARTS)
def test_its_gradient_is_that_of_its_value(part, form, rng):
    net = PARTS[part]
    theta = net.init(rng, np.float64)
    _, g = orthogonal(net, theta, form)
    h = 1e-4
    for _ in range(3):
        way = rng.normal(size=theta.shape)
        # of a polynomial of degree four two central differences are exact
        wide, narrow = (
            (orthogonal(net, theta + s * way, form)[0] - orthogonal(net, theta - s * way, form)[0]) / (2 * s)
            for s in (2 * h, h)
        )
        assert abs((4 * narrow - wide) / 3 - g @ way) <= 1e-9 * np.linalg.norm(g) * np.linalg.norm(way)


@pytest.mark.parametrize(("form", "value"), [("classic", 3**2 + 24**2 + 2 * 8**2), ("relaxed", 2 * 8**2)])
def test_a_matrix_by_hand(form, value):
    net = Net(Linear(2, 2, bias=False))
    W = np.array([[0.0, 2.0], [3.0, 4.0]])  # W Wᵀ = [[4, 8], [8, 25]]
    A = np.array([[3.0, 8.0], [8.0, 24.0]]) if form == "classic" else np.array([[0.0, 8.0], [8.0, 0.0]])
    found, g = orthogonal(net, W.reshape(-1), form)
    assert found == value
    assert g.tolist() == (4 * A @ W).reshape(-1).tolist()


@pytest.mark.parametrize("form", FORMS)
def test_rows_at_right_angles_cost_nothing(form, rng):
    net = Net(Conv2d(2, 5, 3, bias=False))
    rows = np.linalg.qr(rng.normal(size=(18, 5)))[0]  # columns of an orthonormal Q: the outputs of (3, 3, 2, 5)
    if form == "relaxed":
        rows *= [1, 2, 3, 4, 5]
    value, g = orthogonal(net, rows.reshape(-1), form)
    assert value <= 1e-26
    assert np.abs(g).max() <= 1e-12


def test_lengths_cost_in_the_classic_form_only():
    net = Net(Linear(3, 3, bias=False))
    theta = 2 * np.eye(3).reshape(-1)
    assert orthogonal(net, theta, "classic")[0] == 27
    assert orthogonal(net, theta, "relaxed")[0] == 0


@pytest.mark.parametrize("form", FORMS)
def test_biases_and_gains_are_left_alone(form, rng):
    net = PARTS["all"]
    theta = net.init(rng) + 1
    _, g = orthogonal(net, theta, form)
    assert g.dtype == np.float32
    assert {name: bool(a.any()) for name, a in net.view(g).items()} == {
        name: name.endswith(".w") for name in net.view(g)
    }


def test_an_unknown_form_is_refused():
    with pytest.raises(UsageError, match="'soft'"):
        orthogonal(Net(Linear(2, 2)), np.zeros(6), "soft")
