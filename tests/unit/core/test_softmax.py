"""Softmax and its logarithms: exact for large entries, equal to their definitions, one home for all users."""

import numpy as np
import pytest

from tinygan.core.softmax import log_softmax, log_sum_exp, softmax

X = np.random.default_rng(0).normal(size=(3, 4, 5))


def test_they_are_their_definitions():
    e = np.exp(X)
    total = e.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(softmax(X), e / total, rtol=1e-12)
    np.testing.assert_allclose(log_softmax(X), X - np.log(total), rtol=1e-12)
    np.testing.assert_allclose(log_sum_exp(X)[0], np.log(total), rtol=1e-12)
    np.testing.assert_array_equal(log_sum_exp(X)[1], softmax(X))


def test_rest_is_one_more_logit_of_zero():
    more = np.concatenate([X, np.zeros((3, 4, 1))], axis=-1)
    value, p = log_sum_exp(X, rest=True)
    np.testing.assert_allclose(value, log_sum_exp(more)[0], rtol=1e-12)
    np.testing.assert_allclose(p, softmax(more)[..., :-1], rtol=1e-12)


@pytest.mark.parametrize("x", [[1e4, -1e4], [-1e4, -1e4]])
def test_large_entries_do_not_overflow(x):
    x = np.array([x], np.float32)
    expected = np.array([[1, 0]] if x[0, 0] > 0 else [[0.5, 0.5]], np.float32)
    np.testing.assert_array_equal(softmax(x), expected)
    np.testing.assert_allclose(np.exp(log_softmax(x)), expected, rtol=1e-6)
    value, p = log_sum_exp(x, rest=True)
    assert np.isfinite(value).all() and np.isfinite(p).all()
