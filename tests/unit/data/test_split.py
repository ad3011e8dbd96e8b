"""Parts of a set: balanced, disjoint, whole, and the same for the same seed."""

import numpy as np
import pytest

from tinygan.data.split import halves, labels_per_class
from tinygan.errors import UsageError

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 7], [50, 20, 10, 33]))


@pytest.mark.parametrize("n", [1, 3, 10])
def test_every_class_has_n_labels_and_all_other_samples_are_unlabelled(n):
    labelled, rest = labels_per_class(LABELS, n, seed=5)
    assert np.unique(LABELS[labelled], return_counts=True)[1].tolist() == [n] * 4
    assert sorted([*labelled, *rest]) == list(range(len(LABELS)))
    assert (np.diff(labelled) > 0).all() and (np.diff(rest) > 0).all()


def test_a_seed_gives_one_split_another_seed_another():
    first, again, other = (labels_per_class(LABELS, 5, seed)[0].tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert set(first) <= set(labels_per_class(LABELS, 6, 1)[0].tolist())


def test_every_sample_is_equally_likely():
    counts = np.zeros(len(LABELS))
    for seed in range(400):
        counts[labels_per_class(LABELS, 5, seed)[0]] += 1
    for c, total in zip(*np.unique(LABELS, return_counts=True), strict=True):
        p = 5 / total
        assert np.abs(counts[c == LABELS] - 400 * p).max() <= 5 * np.sqrt(400 * p * (1 - p))


@pytest.mark.parametrize(
    ("labels", "n", "seed", "message"),
    [
        (LABELS, 11, 0, "11 labels per class are needed and class 2 has 10; choose fewer labels"),
        (LABELS, 0, 0, "at least 1 label"),
        (LABELS, 1, -1, "a seed of at least 0"),
        (LABELS / 2, 1, 0, "class indices"),
        (LABELS - 1, 1, 0, "at least 0"),
        (LABELS[:, None], 1, 0, "class indices"),
        (np.zeros(0, np.int64), 1, 0, "there are no samples"),
    ],
)
def test_invalid_splits_are_errors_of_one_line(labels, n, seed, message):
    with pytest.raises(UsageError, match=message):
        labels_per_class(labels, n, seed)


@pytest.mark.parametrize("size", [2, 3, 100, 101])
def test_halves_are_equal_and_disjoint(size):
    a, b = halves(size, 3)
    assert len(a) == len(b) == size // 2
    assert not set(a) & set(b)
    assert set(a) | set(b) <= set(range(size))
    assert [x.tolist() for x in halves(size, 3)] == [a.tolist(), b.tolist()]


def test_one_sample_has_no_halves():
    with pytest.raises(UsageError, match="at least 2 samples"):
        halves(1, 0)
