"""Self-attention begins as the identity and looks with weights that sum to 1; its derivatives are proved in test_layers.py."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.layers import Attend, GlobalSumPool, LeakyReLU, Linear, SelfAttention
from tinygan.layers.attention import softmax
from tinygan.objectives.penalties import gradient_penalty, zero_centred


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spectral", [True, False])
def test_it_begins_as_the_identity_bit_for_bit(spectral, dtype, rng):
    net = Net(SelfAttention(16, spectral=spectral))
    theta = net.init(rng, dtype)
    x, x_dot = rng.normal(size=(2, 4, 4, 16)).astype(dtype), rng.normal(size=(3, 2, 4, 4, 16)).astype(dtype)
    y, y_dot, _ = net.bind(net.init_running(theta, rng)).jvp(theta, x, x_dot)
    assert y.tobytes() == x.tobytes()
    assert y_dot.tobytes() == x_dot.tobytes()


def test_sizes_are_those_of_the_paper_and_its_code():
    def sizes(*args):
        net = Net(SelfAttention(*args))
        return [a.shape for a in net.view(np.zeros(net.size)).values()]

    assert sizes(32) == [(1, 1, 32, 4), (1, 1, 32, 4), (1, 1, 32, 16), (1, 1, 16, 32), ()]
    assert sizes(1) == [(1, 1, 1, 1)] * 4 + [()]
    assert sizes(6, 2, 5) == [(1, 1, 6, 2), (1, 1, 6, 2), (1, 1, 6, 5), (1, 1, 5, 6), ()]


def test_penalties_meet_its_curvature(rng):
    assert not Net(SelfAttention(8)).piecewise_linear  # though all of its maps are
    D = Net(SelfAttention(4), LeakyReLU(), GlobalSumPool(), Linear(4, 1))
    theta, x = D.init(rng, np.float64) + 0.3, rng.normal(size=(3, 4, 4, 4))
    way, h = rng.normal(size=theta.shape), 1e-5
    up, down = (gradient_penalty(D, theta + s * way, x, zero_centred)[0] for s in (h, -h))
    slope = gradient_penalty(D, theta, x, zero_centred)[1].theta @ way
    assert abs((up - down) / (2 * h) - slope) <= 1e-7 * abs(slope)


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_rows_of_beta_sum_to_one_and_those_of_its_tangents_to_zero(size, rng):
    B = softmax(size * rng.normal(size=(3, 2, 5, 7)))
    assert B[0].min() >= 0
    assert np.abs(B[0].sum(axis=-1) - 1).max() <= 1e-14
    assert np.abs(B[1:].sum(axis=-1)).max() <= 1e-14 * size


@pytest.mark.parametrize(("pool", "mean"), [(True, 6.5), (False, 2.5)])
def test_a_query_that_prefers_no_key_gets_the_mean(pool, mean):
    v = np.array([[0, 1, 2, 3], [4, 5, 0, 6], [0, 0, 0, 0], [0, 7, 4, 8]])  # of 2x2 the greatest are 5, 6, 7 and 8
    x = np.stack([np.zeros((4, 4)), np.ones((4, 4)), v], axis=-1)
    y, _ = Net(Attend(1, 1, pool=pool)).forward(np.zeros(0), x[None])
    assert np.abs(y - mean).max() <= 1e-14


def test_a_query_that_prefers_one_key_gets_its_value(rng):
    k = np.array([1.0, 3.0, 2.0, 0.0])
    x = np.stack([np.full(4, 1e3), k, [10.0, 20.0, 30.0, 40.0]], axis=-1).reshape(1, 2, 2, 3)
    y, _ = Net(Attend(1, 1, pool=False)).forward(np.zeros(0), x)
    assert y.tolist() == np.full((1, 2, 2, 1), 20.0).tolist()


def test_power_iterations_move_its_four_spectral_vectors(rng):
    net = Net(SelfAttention(8, spectral=True))
    theta = net.init(rng, np.float64)
    start = np.concatenate([np.ones(n) / np.sqrt(n) for n in (1, 1, 4, 8)])
    bound = net.bind(start)
    moved = bound.update(start, theta, bound.forward(theta, np.ones((1, 2, 2, 8)))[1])
    before, after = np.split(start, [1, 2, 6]), np.split(moved, [1, 2, 6])
    assert [float(np.linalg.norm(u)) for u in after] == pytest.approx([1] * 4)
    assert all((a != b).any() for a, b in zip(after[2:], before[2:], strict=True))
