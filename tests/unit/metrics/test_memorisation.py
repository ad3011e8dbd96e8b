"""Copies of the training set and of each other."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.memorisation import duplicates, mean_distance, neighbour_ratio


def test_the_ratio_by_hand():
    train, test, fake = (np.array(a, float)[:, None] for a in ([0, 10, 20], [1, 13], [9, 21, 4]))
    assert neighbour_ratio(fake, train, test) == (1.0, 2.0, 2.0)  # (1 + 1 + 4)/3 to (1 + 3)/2


def test_the_ratio_is_1_for_new_samples_and_0_for_copies(rng):
    train, test, fake = rng.normal(size=(3, 1500, 6))
    assert abs(neighbour_ratio(fake, train, test).ratio - 1) <= 0.03
    copy = train + 1e-3 * rng.normal(size=train.shape)
    assert neighbour_ratio(copy, train, test).ratio <= 0.01
    assert neighbour_ratio(train, train, test).ratio == 0
    assert neighbour_ratio(fake + 9, train, test).ratio >= 5


def test_duplicates_are_counted_by_distance(rng):
    x = rng.normal(size=(10, 4))
    near = x[:3] + np.array([5e-4, 0, 0, 0])
    assert duplicates(np.concatenate([x, near])) == 6 / 13
    assert duplicates(np.concatenate([x, x[:3] + np.array([5e-3, 0, 0, 0])])) == 0
    assert duplicates(np.ones((5, 4))) == 1


def test_duplicates_are_found_in_float32_pixels(rng):
    images = rng.integers(0, 256, size=(40, 784)).astype(np.float32) / np.float32(127.5) - 1
    assert duplicates(images) == 0
    assert duplicates(np.concatenate([images, images[:10]])) == 0.4


def test_the_mean_distance_is_that_of_all_pairs(rng):
    x = rng.normal(size=(30, 4))
    each = np.linalg.norm(x[:, None] - x, axis=2)
    assert abs(mean_distance(x) - each.sum() / (30 * 29)) <= 1e-12
    assert mean_distance(np.ones((9, 3))) == 0
    assert mean_distance(np.array([[0.0, 0], [3, 4]])) == 5


def test_invalid_inputs_are_usage_errors():
    x = np.ones((5, 2))
    with pytest.raises(UsageError, match="every test sample is in the training set"):
        neighbour_ratio(x, x, x)
    with pytest.raises(UsageError, match="test features have 1 columns, the other set has 2"):
        neighbour_ratio(x, x, x[:, :1])
    with pytest.raises(UsageError, match="training features have a NaN"):
        neighbour_ratio(x, x * np.nan, x)
    for measure in (duplicates, mean_distance):
        with pytest.raises(UsageError, match="n at least 2"):
            measure(x[:1])
