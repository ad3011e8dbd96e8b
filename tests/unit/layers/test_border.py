"""Borders and blurs beside np.pad and sums by hand; the derivatives are proved in test_layers.py."""

import numpy as np
import pytest

from tinygan.layers import Blur, Pad

X = np.random.default_rng(0).normal(size=(2, 3, 5, 4, 2))


@pytest.mark.parametrize("p", range(4))
@pytest.mark.parametrize(("mode", "numpys"), [("reflect", "reflect"), ("replicate", "edge")])
def test_a_border_is_that_of_numpy(p, mode, numpys):
    Y, _ = Pad(p, mode).forward((), X)
    assert np.array_equal(Y, np.pad(X, [(0, 0), (0, 0), (p, p), (p, p), (0, 0)], mode=numpys))


@pytest.mark.parametrize("n", [1, 2])
def test_the_nearest_pixel_is_repeated_as_often_as_asked(n):
    x = X[:, :, :n, :1]
    Y, _ = Pad(5, "replicate").forward((), x)
    assert Y.shape[2:4] == (n + 10, 11)
    assert (Y[:, :, :6] == x[:, :, :1, :1]).all()


@pytest.mark.parametrize("f", [Blur(), Blur(0.3), Blur(1.0)])
def test_a_blur_keeps_a_constant(f):
    np.testing.assert_allclose(f.forward((), np.full((1, 1, 4, 6, 1), 3.0))[0], 3, rtol=1e-14)


def test_a_point_becomes_the_filter():
    x = np.zeros((1, 1, 9, 9, 1))
    x[0, 0, 4, 4] = 256
    assert Blur().forward((), x)[0][0, 0, 4, 2:7, 0].tolist() == [6, 24, 36, 24, 6]
    w = np.exp(-(np.arange(-2, 3) ** 2) / (2 * 0.6**2))
    np.testing.assert_allclose(Blur(0.6).forward((), x)[0][0, 0, 4, 2:7, 0], 256 * w * w[2] / w.sum() ** 2, rtol=1e-14)


def test_a_blur_mirrors_at_the_border():
    x = np.array([16.0, 32, 64, 128])[None, None, None, :, None].repeat(4, axis=2)
    row = Blur().forward((), x)[0][0, 0, 0, :, 0]
    by_hand = np.array([[4, 2, 1, 2, 4], [2, 1, 2, 4, 8], [1, 2, 4, 8, 4], [2, 4, 8, 4, 2]]) @ [1, 4, 6, 4, 1]
    assert row.tolist() == by_hand.tolist()


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="at least 0: got -1"):
        Pad(-1)
    with pytest.raises(ValueError, match="one of reflect, replicate: got 'edge'"):
        Pad(1, "edge")
    for sigma in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="sigma must be finite and greater than 0"):
            Blur(sigma)
