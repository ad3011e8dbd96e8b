"""Matching of clusters and labels: the best assignment, and the accuracy under it."""

import itertools

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.matching import cluster_accuracy, match


@pytest.mark.parametrize("K", [1, 2, 4, 6])
def test_the_assignment_is_the_best_of_all_permutations(K, rng):
    for _ in range(5):
        counts = rng.integers(0, 20, (K, K))
        found = match(counts)
        best = max(counts[np.arange(K), list(p)].sum() for p in itertools.permutations(range(K)))
        assert sorted(found) == list(range(K)) and counts[np.arange(K), found].sum() == best


def test_the_assignment_is_not_the_greedy_one():
    assert match(np.array([[10, 9], [9, 0]])) == [1, 0]


def test_permuted_labels_have_accuracy_1_and_a_split_class_has_less(rng):
    labels = rng.integers(10, size=500)
    names = rng.permutation(10)
    assert cluster_accuracy(names[labels], labels, 10) == 1
    split = np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1])
    assert cluster_accuracy(*split, 2) == 0.75
    assert cluster_accuracy(np.zeros(500, int), labels, 10) == np.bincount(labels).max() / 500


@pytest.mark.parametrize("counts", [np.zeros((2, 3)), np.zeros((0, 0)), np.zeros((17, 17)), np.zeros(4)], ids=str)
def test_counts_that_are_not_a_small_square_are_refused(counts):
    with pytest.raises(UsageError, match="square counts of 1 to 16 rows"):
        match(counts)
