"""Standing statistics are the plain means of what the batch norms of a generator see."""

import numpy as np
import pytest

from tinygan.core.compose import Residual, Sequential
from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm, Conv2d, Dropout, GlobalSumPool, Linear, Reshape, SelfAttention, SpectralNorm, Tanh
from tinygan.sampling.standing import standing_statistics

BATCHES = 7
STEM = [SpectralNorm(Linear(3, 8)), Reshape(2, 2, 2)]
BRANCH = [BatchNorm(2, momentum=0.3), Tanh(), SpectralNorm(Conv2d(2, 2, 3, pad=1))]
NET = Net(*STEM, Residual(Sequential(*BRANCH)), BatchNorm(2, momentum=0.0), SelfAttention(2, spectral=True))


def draw(rng):
    return rng.normal(1.5, 2.0, size=(6, 3))


def statistics(h):
    """Mean and unbiased variance of each channel."""
    return np.concatenate([h.mean(axis=(0, 1, 2)), h.reshape(-1, h.shape[-1]).var(axis=0, ddof=1)])


@pytest.fixture
def place(rng):
    theta = NET.init(rng, np.float64)
    return theta, NET.init_running(theta, rng)


def test_they_are_the_means_by_hand_and_spectral_vectors_stay(place):
    theta, running = place
    found = standing_statistics(NET, theta, running, draw, BATCHES, np.random.default_rng(1))

    rng, first, second = np.random.default_rng(1), [], []
    for _ in range(BATCHES):
        x = draw(rng)
        seen = []
        for layers in ([*STEM], [*STEM, Residual(Sequential(*BRANCH))]):
            net = Net(*layers)
            seen.append(net.bind(running[: net.running_size]).forward(theta[: net.size], x)[0])
        first.append(statistics(seen[0]))
        second.append(statistics(seen[1]))
    u1, norm1, u2, norm2, u3 = np.split(np.arange(len(running)), np.cumsum([8, 4, 2, 4]))
    assert np.abs(found[norm1] - np.mean(first, axis=0)).max() <= 1e-12
    assert np.abs(found[norm2] - np.mean(second, axis=0)).max() <= 1e-12
    spectral = np.concatenate([u1, u2, u3])
    assert np.array_equal(found[spectral], running[spectral])


def test_nothing_given_is_changed(place):
    theta, running = place
    before = theta.copy(), running.copy()
    standing_statistics(NET, theta, running, draw, 2, np.random.default_rng(1))
    assert np.array_equal(theta, before[0]) and np.array_equal(running, before[1])
    assert [f.momentum for f in (BRANCH[0], NET.f.children[3])] == [0.3, 0.0]


def test_they_do_not_depend_on_the_statistics_of_before(place):
    theta, running = place
    other = running.copy()
    other[8:12] = 5
    one, two = (standing_statistics(NET, theta, r, draw, 3, np.random.default_rng(1)) for r in (running, other))
    assert np.array_equal(one, two)


def test_a_net_evaluated_with_one_batch_is_that_of_training():
    rng = np.random.default_rng(2)
    net = Net(Linear(3, 4), BatchNorm(4), Tanh())
    theta, x = net.init(rng, np.float64), draw(rng)
    running = standing_statistics(net, theta, net.init_running(theta, rng), lambda rng: x, 4, rng)
    running[4:] *= 5 / 6  # training divides by the biased variance of the six samples
    assert np.abs(net.eval(running).forward(theta, x)[0] - net.forward(theta, x)[0]).max() <= 1e-13


def test_float32_stays_float32_and_noise_comes_from_the_generator(rng):
    net = Net(Linear(3, 4), Dropout(0.5), BatchNorm(4))
    theta = net.init(rng)
    running = net.init_running(theta, rng)
    one, again, other = (
        standing_statistics(
            net, theta, running, lambda rng: np.ones((8, 3), np.float32), 3, np.random.default_rng(seed)
        )
        for seed in (1, 1, 2)
    )
    assert one.dtype == np.float32
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_net_without_batch_norm_keeps_its_running_values(rng):
    net = Net(SpectralNorm(Conv2d(2, 3, 3)), GlobalSumPool())
    theta = net.init(rng)
    running = net.init_running(theta, rng)
    assert np.array_equal(
        standing_statistics(net, theta, running, lambda rng: np.ones((1, 4, 4, 2), np.float32), 2, rng), running
    )


def test_no_batch_is_refused(place):
    with pytest.raises(UsageError, match="at least 1 batch: got 0"):
        standing_statistics(NET, *place, draw, 0, np.random.default_rng(0))
