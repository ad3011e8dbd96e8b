"""What codes are measured by: the best naming of clusters, and the slant and width of ink."""

import itertools

import numpy as np
import pytest

from tinygan.data.strokes import Strokes
from tinygan.errors import UsageError
from tinygan.metrics import ink
from tinygan.metrics.matching import cluster_accuracy, match


@pytest.mark.parametrize("K", [1, 2, 4, 6])
def test_a_match_is_the_best_of_all_namings(K, rng):
    for _ in range(5):
        counts = rng.integers(0, 20, (K, K))
        found = match(counts)
        best = max(counts[np.arange(K), list(p)].sum() for p in itertools.permutations(range(K)))
        assert sorted(found) == list(range(K)) and counts[np.arange(K), found].sum() == best


def test_a_match_is_not_the_greedy_one():
    assert match(np.array([[10, 9], [9, 0]])) == [1, 0]


def test_renamed_classes_are_told_rightly_and_two_clusters_of_one_class_are_not(rng):
    labels = rng.integers(10, size=500)
    names = rng.permutation(10)
    assert cluster_accuracy(names[labels], labels, 10) == 1
    split = np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1])
    assert cluster_accuracy(*split, 2) == 0.75
    assert cluster_accuracy(np.zeros(500, int), labels, 10) == np.bincount(labels).max() / 500


@pytest.mark.parametrize("counts", [np.zeros((2, 3)), np.zeros((0, 0)), np.zeros((17, 17)), np.zeros(4)], ids=str)
def test_what_is_no_small_square_is_refused(counts):
    with pytest.raises(UsageError, match="a square of 1 to 16 rows"):
        match(counts)


def bar(lean, wide, side=64, high=40):
    """A bar of ``high`` rows that leans to the right by degrees, ``wide`` pixels across: each pixel its covered share."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    across = (x + y * np.tan(np.radians(lean))) * np.cos(np.radians(lean))  # the distance from the axis; y points down
    inked = np.clip(wide / 2 - np.abs(across) + 0.5, 0, 1) * (np.abs(y) < high / 2)
    return (2 * inked - 1)[None, ..., None]


@pytest.mark.parametrize("lean", [-30, -8, 0, 15, 40])
@pytest.mark.parametrize("wide", [2.0, 3.5])
def test_a_bar_leans_as_it_was_drawn_and_is_as_wide(lean, wide):
    length, end = 40 / np.cos(np.radians(lean)), wide / np.cos(np.radians(lean))
    assert ink.slant(bar(lean, wide))[0] == pytest.approx(lean, abs=0.5)
    assert ink.width(bar(lean, wide))[0] == pytest.approx(
        length * wide / (length + end), rel=0.1
    )  # its ends are edge too
    assert ink.width(bar(lean, wide)) == pytest.approx(ink.width(bar(-lean, wide)), rel=1e-6)
    assert ink.slant(bar(lean, wide)[:, :, ::-1])[0] == pytest.approx(-lean, abs=0.5)


def test_drawn_digits_lean_and_are_as_wide_as_their_labels_say():
    x, labels = Strokes(0).batch(np.arange(2000))
    leans = labels["slant"] + labels["rotation"]
    for measured, truth in ((ink.slant(x), leans), (ink.width(x), labels["width"])):
        each = [np.corrcoef(measured[labels["class"] == k], truth[labels["class"] == k])[0, 1] for k in range(10)]
        assert np.mean(each) >= 0.95, each
    assert abs(ink.width(x).mean() - labels["width"].mean()) <= 0.1


def test_an_empty_picture_has_neither_and_a_picture_in_colour_is_refused():
    empty = -np.ones((2, 8, 8, 1))
    assert not ink.slant(empty).any() and not ink.width(empty).any()
    with pytest.raises(UsageError, match="grey images"):
        ink.slant(np.zeros((1, 8, 8, 3)))
