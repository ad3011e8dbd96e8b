"""Local collapse: the singular values of known Jacobians, and of differences."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.errors import Diverged, UsageError
from tinygan.layers import Linear, Reshape, Tanh
from tinygan.metrics.collapse import local_collapse

G = Net(Linear(5, 12), Tanh(), Linear(12, 24), Reshape(4, 2, 3))


@pytest.fixture
def theta(rng):
    return G.init(rng, np.float64) + 0.3 * rng.normal(size=G.size)


def test_the_jacobian_of_a_linear_net_is_its_weight(rng):
    net = Net(Linear(3, 7))
    theta = net.init(rng, np.float64)
    got = local_collapse(net, theta, rng.normal(size=(4, 3)))
    expected = np.linalg.svd(net.view(theta)["0.linear.w"], compute_uv=False)
    np.testing.assert_allclose(got.singular, np.tile(expected, (4, 1)), rtol=1e-12)
    np.testing.assert_allclose(got.log_condition, np.log(expected[0] / expected[-1]), rtol=1e-12)
    assert got.rank.tolist() == [3] * 4


def test_a_smooth_net_has_the_singular_values_of_differences(theta, rng):
    z, h = rng.normal(size=(3, 5)), 1e-5
    got = local_collapse(G, theta, z)
    for one, singular in zip(z, got.singular, strict=True):
        way = h * np.eye(5)
        J = (G.forward(theta, one + way)[0] - G.forward(theta, one - way)[0]).reshape(5, -1) / (2 * h)
        np.testing.assert_allclose(singular, np.linalg.svd(J, compute_uv=False), rtol=1e-7)


def test_a_lost_direction_lowers_the_rank(rng):
    net = Net(Linear(3, 7))
    theta = net.init(rng, np.float64)
    net.view(theta)["0.linear.w"][:, 2] = 0
    got = local_collapse(net, theta, np.ones((1, 3)))
    assert got.rank.tolist() == [2]
    assert got.log_condition[0] == np.inf or got.log_condition[0] >= 30
    net.view(theta)["0.linear.w"][:] = 0
    gone = local_collapse(net, theta, np.ones((1, 3)))
    assert gone.rank.tolist() == [0]
    assert gone.log_condition.tolist() == [np.inf]


def test_the_threshold_is_relative_to_the_largest(rng):
    net = Net(Linear(2, 2, bias=False))
    theta = np.array([1e4, 0, 0, 1.0])
    assert local_collapse(net, theta, np.ones((1, 2))).rank.tolist() == [1]
    assert local_collapse(net, theta, np.ones((1, 2)), threshold=1e-5).rank.tolist() == [2]


def test_float32_nets_are_measured(theta, rng):
    z = rng.normal(size=(2, 5))
    got = local_collapse(G, theta.astype(np.float32), z.astype(np.float32))
    np.testing.assert_allclose(got.singular, local_collapse(G, theta, z).singular, rtol=1e-3)


def test_a_diverged_generator_is_reported(theta):
    with pytest.raises(Diverged, match="∂F holds a NaN or an infinity"):
        local_collapse(G, theta * np.nan, np.ones((1, 5)))


def test_invalid_inputs_are_usage_errors(theta):
    with pytest.raises(UsageError, match=r"latents are float64 \(5,\); expected finite floats \(n, ...\)"):
        local_collapse(G, theta, np.ones(5))
    with pytest.raises(UsageError, match="latents are int64"):
        local_collapse(G, theta, np.ones((1, 5), int))
    with pytest.raises(UsageError, match="latents are"):
        local_collapse(G, theta, np.full((1, 5), np.nan))
    with pytest.raises(UsageError, match="threshold 1"):
        local_collapse(G, theta, np.ones((1, 5)), threshold=1)
