"""Spectral normalisation: σ is the largest singular value, and u is a running value."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import Conv2d, ConvPool2d, ConvTranspose2d, Linear, SpectralNorm, UpConv2d

WEIGHTS = [
    (Linear(20, 30, bias=False), lambda w: w),
    (Conv2d(4, 6, 3, bias=False), lambda w: w.reshape(-1, 6).T),
    (ConvPool2d(4, 6, bias=False), lambda w: w.reshape(-1, 6).T),
    (UpConv2d(4, 6, bias=False), lambda w: w.reshape(-1, 6).T),
    (ConvTranspose2d(4, 6, 3, bias=False), lambda w: w.transpose(2, 0, 1, 3).reshape(6, -1)),
]


@pytest.mark.parametrize(("layer", "matrix"), WEIGHTS, ids=lambda v: type(v).__name__)
def test_sigma_comes_within_a_percent_of_the_largest_singular_value(layer, matrix, rng):
    net = Net(SpectralNorm(layer))
    theta = net.init(rng, np.float64)
    running = net.init_running(theta, rng)
    w = matrix(net.view(theta)["0.spectralnorm.w"])
    shape = (20,) if isinstance(layer, Linear) else (6, 6, 4)
    for _ in range(30):
        _, saved = net.bind(running).forward(theta, np.ones((1, *shape)))
        running = net.update(running, theta, saved)
    sigma = np.linalg.norm(w.T @ running)
    assert abs(sigma / np.linalg.svd(w, compute_uv=False)[0] - 1) <= 0.01


def test_without_a_singular_vector_it_says_what_to_do(rng):
    net = Net(SpectralNorm(Linear(3, 2)))
    with pytest.raises(UsageError, match=r"net\.bind"):
        net.forward(net.init(rng), np.ones((1, 3), np.float32))
