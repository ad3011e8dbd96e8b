"""Pools on pictures that a person can check; the derivatives are proved in test_layers.py."""

import numpy as np
import pytest

from tinygan.layers import LocalMeanPool, MaxPool2d


def image(rows):
    return np.array(rows, float)[None, None, :, :, None]


def test_a_maximum_passes_its_tangent_and_takes_the_whole_cotangent():
    x = image([[1, 7, 2], [7, 3, 9]])
    x_dot = image([[10, 20, 30], [40, 50, 60]])
    Y, saved = MaxPool2d(2).forward((), np.concatenate([x, x_dot]))
    assert Y[..., 0].tolist() == [[[[7, 9]]], [[[20, 60]]]]  # of two sevens the first
    GX = MaxPool2d(2).backward((), saved, np.ones((2, 1, 1, 2, 1)))
    assert GX[1, 0, ..., 0].tolist() == [[0, 1, 0], [0, 0, 1]]


def test_beyond_the_edge_is_less_than_any_pixel():
    Y, _ = MaxPool2d(3, pad=1).forward((), image([[-5, -1, -9, -7]]))
    assert Y[0, 0, 0, :, 0].tolist() == [-1, -1, -1, -7]


@pytest.mark.parametrize("place", range(4))
def test_a_nan_is_not_lost(place):
    x = image([[1, 2], [3, 4]])
    x.reshape(-1)[place] = np.nan
    assert np.isnan(MaxPool2d(2).forward((), x)[0]).all()


def test_a_mean_at_the_edge_is_over_the_pixels_that_are_there():
    Y, _ = LocalMeanPool(3).forward((), image([[1, 2, 6], [3, 4, 8]]))
    assert Y[0, 0, ..., 0].tolist() == [[2.5, 4, 5], [2.5, 4, 5]]


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="pad 2, k 3"):
        MaxPool2d(3, pad=2)
    with pytest.raises(ValueError, match="k must be odd"):
        LocalMeanPool(2)
