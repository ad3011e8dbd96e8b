"""Noise is drawn once for a bound net, has the right moments, and is gone in evaluation."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import Dropout, GaussianNoise

NONE = np.zeros(0)


def test_dropout_keeps_the_mean_and_shares_its_mask_with_tangents(rng):
    net = Net(Dropout(0.25)).bind(NONE, rng)
    y, y_dot, _ = net.jvp(NONE, np.ones((200, 500)), np.ones((2, 200, 500)))
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert abs(y.mean() - 1) <= 0.01
    assert np.array_equal(y_dot, [y, y])


def test_gaussian_noise_moves_the_point_and_not_the_tangents(rng):
    net = Net(GaussianNoise(0.5)).bind(NONE, rng)
    y, y_dot, _ = net.jvp(NONE, np.zeros((200, 500)), np.ones((1, 200, 500)))
    assert abs(y.std() - 0.5) <= 0.01
    assert (y_dot == 1).all()


@pytest.mark.parametrize("layer", [Dropout(), GaussianNoise(1)], ids=lambda v: type(v).__name__)
def test_noise_must_be_given_and_is_off_in_evaluation(layer, rng):
    net, x = Net(layer), rng.normal(size=(3, 4))
    with pytest.raises(UsageError, match="no noise yet"):
        net.forward(NONE, x)
    with pytest.raises(UsageError, match="pass a generator"):
        net.bind(NONE)
    assert np.array_equal(net.eval(NONE).forward(NONE, x)[0], x)


def test_a_rate_is_a_probability():
    with pytest.raises(ValueError, match=r"in \[0, 1\): got 1"):
        Dropout(1)
