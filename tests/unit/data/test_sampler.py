"""The order of samples is a pure function of the position."""

import numpy as np
import pytest

from tinygan.data.sampler import Sampler


def test_each_epoch_has_every_sample_once_in_another_order():
    order = Sampler(50, seed=3)
    epochs = [order.indices(50 * e, 50) for e in range(3)]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(50))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], np.arange(50))


@pytest.mark.parametrize("size", [1, 7, 20, None])
def test_resuming_anywhere_gives_the_rest_of_the_same_stream(size):
    whole = Sampler(size, seed=1).indices(0, 100)
    for cut in (0, 1, 6, 7, 19, 20, 63):
        np.testing.assert_array_equal(Sampler(size, seed=1).indices(cut, 100 - cut), whole[cut:])


def test_a_batch_may_span_several_epochs():
    order = Sampler(3, seed=0)
    parts = [order.indices(t, 1) for t in range(2, 12)]
    np.testing.assert_array_equal(order.indices(2, 10), np.concatenate(parts))


def test_an_endless_set_is_not_shuffled():
    np.testing.assert_array_equal(Sampler(None, seed=9).indices(2**40, 4), 2**40 + np.arange(4))


def test_seeds_shuffle_differently_and_indices_are_int64():
    a, b = (Sampler(100, seed).indices(0, 100) for seed in (0, 1))
    assert not np.array_equal(a, b)
    assert a.dtype == Sampler(None, 0).indices(0, 1).dtype == np.int64


def test_the_first_indices_never_change():
    expected = np.random.default_rng([5, 4, 0]).permutation(10)
    np.testing.assert_array_equal(Sampler(10, 5).indices(0, 10), expected)


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="size is 0; expected at least 1"):
        Sampler(0, seed=0)
