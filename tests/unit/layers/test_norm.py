"""Normalisations: running statistics, degenerate sizes, and what each normalises over."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, PixelNorm


def test_running_statistics_follow_the_batch_with_momentum_and_the_unbiased_variance(rng):
    net = Net(BatchNorm(3, momentum=0.3))
    theta = net.init(rng, np.float64)
    x = rng.normal(2, 3, size=(5, 4, 4, 3))
    running = net.init_running(theta, rng)
    _, saved = net.forward(theta, x)
    mean, var = net.update(running, theta, saved).reshape(2, 3)
    assert np.allclose(mean, 0.3 * x.mean((0, 1, 2)), rtol=1e-13)
    assert np.allclose(var, 0.7 + 0.3 * x.var((0, 1, 2), ddof=1), rtol=1e-13)


def test_evaluation_uses_running_statistics(rng):
    net = Net(BatchNorm(3, eps=1e-3))
    theta = rng.normal(size=net.size)
    x, running = rng.normal(size=(6, 3)), np.array([1.0, 2, 3, 4, 5, 6])
    y, _ = net.eval(running).forward(theta, x)
    assert np.allclose(y, theta[:3] * (x - running[:3]) / np.sqrt(running[3:] + 1e-3) + theta[3:], rtol=1e-13)


NORMS = [
    (LayerNorm(3), (2, 4, 3), (3,)),
    (LayerNorm(2, 4, 3), (2, 4, 3), (1, 2, 3)),
    (GroupNorm(3, 1), (2, 4, 3), (1, 2, 3)),
    (InstanceNorm(3), (2, 4, 3), (1, 2)),
    (BatchNorm(3), (2, 4, 3), (0, 1, 2)),
]


@pytest.mark.parametrize(("layer", "shape", "axes"), NORMS, ids=lambda v: type(v).__name__)
def test_the_axes_are_standardised(layer, shape, axes, rng):
    net = Net(layer)
    y, _ = net.forward(net.init(rng, np.float64), rng.normal(3, 2, size=(5, *shape)))
    assert np.abs(y.mean(axes)).max() <= 1e-12
    assert np.abs(y.var(axes) - 1).max() <= 1e-3  # of ε = 1e-5 beside small variances


def test_pixel_norm_has_unit_mean_square(rng):
    y, _ = Net(PixelNorm()).forward(np.zeros(0), rng.normal(size=(3, 2, 2, 8)))
    assert np.allclose((y**2).mean(-1), 1, atol=1e-6)


@pytest.mark.parametrize(
    "layer", [BatchNorm(2), LayerNorm(1), GroupNorm(2, 2), InstanceNorm(2)], ids=lambda v: type(v).__name__
)
def test_a_group_of_one_value_is_beta_with_derivative_zero(layer, rng):
    shape = (1, 1, 2) if isinstance(layer, GroupNorm) else layer.shapes["gamma"]
    net = Net(layer)
    theta = rng.normal(size=net.size)
    y, y_dot, saved = net.jvp(theta, rng.normal(size=(1, *shape)), rng.normal(size=(2, 1, *shape)))
    back = net.backward(theta, saved, np.ones_like(y), np.ones_like(y_dot))
    assert np.array_equal(y.reshape(-1), theta[net.size // 2 :])
    assert not y_dot.any() and not back.x.any() and not back.x_dot.any()


def test_groups_divide_the_channels():
    with pytest.raises(ValueError, match="3 groups and 4 channels"):
        GroupNorm(4, 3)
