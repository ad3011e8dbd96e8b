"""Kernel distance: the formula, its lack of bias, blocks."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.kid import mmd2, over_blocks, over_subsets


def by_loops(x, y):
    """The definition, pair by pair."""

    def k(a, b):
        return (sum(float(p) * float(q) for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within = [sum(k(a[i], a[j]) for i in range(len(a)) for j in range(len(a)) if i != j) for a in (x, y)]
    across = sum(k(a, b) for a in x for b in y)
    return within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - 2 * across / (n * m)


def test_the_estimate_equals_its_definition(rng):
    x, y = rng.normal(size=(7, 4)), rng.normal(size=(9, 4)) + 1
    assert abs(mmd2(x, y) - by_loops(x, y)) <= 1e-12 * abs(by_loops(x, y))


def test_one_feature_by_hand():
    # k(1, 1) = 8, k(0, 0) = 1, k(0, 1) = 1, k(1, 2) = 27: x = (0, 1) and y = (1, 2)
    expected = 1 + 27 - 2 * (1 + 1 + 8 + 27) / 4
    assert mmd2(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])) == expected


def test_blocks_of_pairs_leave_the_sum_as_it_is(rng, monkeypatch):
    x, y = rng.normal(size=(50, 8)), rng.normal(size=(37, 8))
    whole = mmd2(x, y)
    monkeypatch.setattr("tinygan.metrics.kid.rows", lambda n: (slice(i, min(i + 9, n)) for i in range(0, n, 9)))
    assert abs(mmd2(x, y) - whole) <= 1e-12


def test_the_estimate_is_unbiased(rng):
    values = [mmd2(rng.normal(size=(20, 3)), rng.normal(size=(30, 3))) for _ in range(2000)]
    assert abs(np.mean(values)) <= 4 * np.std(values) / np.sqrt(2000)
    assert min(values) < 0


def test_subsets_are_seeded_and_near_the_whole(rng):
    x, y = rng.normal(size=(600, 6)), rng.normal(size=(500, 6)) + 0.5
    a, b = (over_subsets(x, y, np.random.default_rng(3), subsets=60, size=100) for _ in range(2))
    assert a == b
    assert a.parts == 60
    assert abs(a.mean - mmd2(x, y)) <= 4 * a.std / np.sqrt(60)
    everything = over_subsets(x[:100], y[:100], np.random.default_rng(3), subsets=3, size=100)
    assert everything.std <= 1e-12, "a subset has no sample twice"


def test_each_block_of_a_stream_gives_an_estimate(rng):
    x, y = rng.normal(size=(90, 4)), rng.normal(size=(90, 4)) + 1
    pairs = [(x[i : i + 30], y[i : i + 30]) for i in (0, 30, 60)]
    values = [mmd2(*pair) for pair in pairs]
    kid = over_blocks(iter(pairs))
    assert kid == (np.mean(values), np.std(values), 3)


def test_invalid_inputs_are_usage_errors(rng):
    x = np.ones((10, 2))
    with pytest.raises(UsageError, match="n at least 2"):
        mmd2(x, x[:1])
    with pytest.raises(UsageError, match="features have 3 columns, the other set has 2"):
        mmd2(x, np.ones((10, 3)))
    with pytest.raises(UsageError, match="100 subsets of 1000 samples; expected at least 1 subset of 2 to 10 samples"):
        over_subsets(x, x, rng)
    with pytest.raises(UsageError, match="at least one pair of blocks"):
        over_blocks([])
