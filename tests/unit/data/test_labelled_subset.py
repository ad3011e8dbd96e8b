"""A few labels: which samples they are, and that no other label is seen."""

import numpy as np
import pytest

from tinygan.data import Batch, open_data
from tinygan.data.labelled_subset import POOL, LabelledSubset
from tinygan.data.split import labels_per_class
from tinygan.errors import UsageError

BATCH = Batch(np.ones((3, 28, 28, 1), np.float32), {"class": np.array([7, 8, 9])})


def test_a_step_has_its_labelled_samples_first_and_hides_all_other_labels():
    data = open_data("strokes")
    few = LabelledSubset(data, 2, 5, seed=1)
    batch = few.prepend(3, BATCH)
    assert batch.x.shape == (8, 28, 28, 1)
    np.testing.assert_array_equal(batch.labels["class"][5:], [-1, -1, -1])
    np.testing.assert_array_equal(batch.x[5:], BATCH.x)
    pictures, labels = data.batch(few.index)
    for x, label in zip(batch.x[:5], batch.labels["class"][:5], strict=True):
        assert label in labels["class"][(pictures == x).all(axis=(1, 2, 3))]


def test_the_labelled_are_those_of_the_split_and_each_comes_once_an_epoch():
    data = open_data("moons")
    labels = data.batch(np.arange(POOL))[1]["class"]
    few = LabelledSubset(data, 3, 2, seed=4)
    np.testing.assert_array_equal(few.index, labels_per_class(labels, 3, 4)[0])
    empty = Batch(np.zeros((0, 2), np.float32), {"class": np.zeros(0, np.int64)})
    seen = np.concatenate([few.prepend(step, empty).x for step in range(3)])
    np.testing.assert_array_equal(np.unique(seen, axis=0), np.unique(data.batch(few.index)[0], axis=0))


def test_a_class_without_samples_is_a_usage_error():
    data = open_data("moons")
    data.classes = ("a", "b", "c")
    with pytest.raises(UsageError, match="no sample of class c"):
        LabelledSubset(data, 2, 2, seed=0)


def test_more_labels_than_a_class_has_are_one_line():
    with pytest.raises(UsageError, match="choose fewer"):
        LabelledSubset(open_data("moons"), POOL, 2, seed=0)
