"""Precision, recall, density, coverage: sets small enough for a pencil; blocks."""

import tracemalloc

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics import manifold, pairs
from tinygan.metrics.kid import mmd2
from tinygan.metrics.manifold import density_coverage, precision_recall
from tinygan.metrics.pairs import nearest, squared


def column(*values):
    return np.array(values, float)[:, None]


def small_blocks(n):
    return (slice(i, min(i + 7, n)) for i in range(0, n, 7))


def test_precision_and_recall_by_hand():
    # k = 1: balls of real points 0, 1, 3, 10 have the radii 1, 1, 2, 7; of fakes 1, 5, 30: 4, 4, 25
    got = precision_recall(column(0, 1, 3, 10), column(1, 5, 30), k=1)
    assert got.precision == 2 / 3  # 1 and 5 are in a ball (5 on the surface of two), 30 is in none
    assert got.recall == 1.0  # 0, 1, 3 are within 4 of 1; 10 is within 25 of 30
    assert precision_recall(column(0, 1, 3, 10), column(1, 5, 4.5), k=1).recall == 0.75  # 10 is alone: 5 is 0.5 wide


def test_density_and_coverage_by_hand():
    # balls as above; 1 is in those of 0, 1, 3; 5 in those of 3 and 10; 30 in none
    got = density_coverage(column(0, 1, 3, 10), column(1, 5, 30), k=1)
    assert got.density == 5 / 3
    assert got.coverage == 1.0
    assert density_coverage(column(0, 1, 3, 10), column(30, 31, 0.5), k=1) == (2 / 3, 0.5)


def test_a_set_covers_itself(rng):
    x = rng.normal(size=(300, 5))
    assert precision_recall(x, x) == (1, 1)
    got = density_coverage(x, x, k=5)
    assert got.coverage == 1
    assert got.density == 6 / 5  # each point is in its own ball too


def test_separate_sets_have_precision_and_recall_0(rng):
    x = rng.normal(size=(100, 5))
    assert precision_recall(x, x + 100) == (0, 0)
    assert density_coverage(x, x + 100) == (0, 0)


def test_equal_distributions_have_density_one(rng):
    got = density_coverage(rng.normal(size=(2000, 4)), rng.normal(size=(2000, 4)))
    assert abs(got.density - 1) <= 0.03
    assert got.coverage >= 0.95  # 1 − 2⁻ᵏ = 0.97 (Naeem et al. 2020, lemma 2)


def test_a_dropped_mode_is_missed_by_recall_and_coverage_only(rng):
    real = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 50])
    fake = rng.normal(size=(400, 2))
    assert precision_recall(real, fake).precision >= 0.9
    assert precision_recall(real, fake).recall <= 0.5
    assert density_coverage(real, fake).coverage <= 0.5


def test_copies_of_one_point_are_in_its_ball():
    # radius 0: x·x is not rounded as ‖x‖², but a copy is at distance 0
    x = np.repeat(np.random.default_rng(0).normal(size=(5, 33)), 6, axis=0)
    assert precision_recall(x, x[::6].repeat(2, axis=0)) == (1, 1)
    assert density_coverage(x, x[:6]) == (6 / 5, 1 / 5)


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_blocks_do_not_matter(rng, monkeypatch, measure):
    real, fake = rng.normal(size=(60, 3)), rng.normal(size=(45, 3)) + 0.5
    whole = measure(real, fake)
    monkeypatch.setattr(pairs, "rows", small_blocks)
    assert measure(real, fake) == whole


def test_distances_are_the_distances(rng, monkeypatch):
    x, y = rng.normal(size=(20, 3)).astype(np.float32), rng.normal(size=(15, 3)) + 1000
    expected = np.square(x[:, None] - y).sum(axis=2)
    monkeypatch.setattr(pairs, "rows", small_blocks)
    got = np.full((20, 15), np.nan)
    for i, j, block in squared(x, y):
        got[i, j] = block
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    np.testing.assert_allclose(nearest(x, y, 4), np.sort(expected, axis=1)[:, 3], rtol=1e-10)


def test_a_point_is_not_its_own_neighbour(monkeypatch):
    x = column(0, 1, 3, 3, 10)
    assert nearest(x).tolist() == [1, 1, 0, 0, 49]
    assert nearest(x, k=2).tolist() == [9, 4, 4, 4, 49]
    monkeypatch.setattr(pairs, "rows", lambda n: (slice(i, i + 1) for i in range(n)))
    assert nearest(x).tolist() == [1, 1, 0, 0, 49]


def test_far_sets_keep_their_small_distances(rng):
    x = rng.normal(size=(50, 3))
    np.testing.assert_allclose(nearest(x + 1e6), nearest((x + 1e6) - 1e6), rtol=1e-6)


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_invalid_inputs_are_usage_errors(measure):
    x = np.ones((10, 2))
    with pytest.raises(UsageError, match=r"real features are \(3, 2\); expected .* n at least 4"):
        measure(x[:3], x, k=3)
    with pytest.raises(UsageError, match=r"fake features are \(3, 2\)"):
        measure(x, x[:3], k=3)
    with pytest.raises(UsageError, match="0 nearest neighbours"):
        measure(x, x, k=0)
    with pytest.raises(UsageError, match="fake features have 1 columns"):
        measure(x, x[:, :1])


@pytest.mark.parametrize("measure", [precision_recall, density_coverage, mmd2])
def test_memory_is_that_of_blocks(rng, measure):
    real, fake = rng.normal(size=(2, 3500, 2)).astype(np.float32)
    tracemalloc.start()
    try:
        measure(real, fake)
        assert tracemalloc.get_traced_memory()[1] <= 50 * 2**20  # a matrix of all pairs has 93 MiB
    finally:
        tracemalloc.stop()


def test_balls_are_closed_only_up_to_rounding():
    assert manifold.CLOSED - 1 <= 1e-8
