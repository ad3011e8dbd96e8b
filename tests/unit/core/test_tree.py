"""Trees: what is flattened comes back, by order and by name."""

from typing import NamedTuple

import numpy as np
import pytest

from tinygan.core.tree import tree_flatten, tree_leaves, tree_size, tree_unflatten, tree_views


class State(NamedTuple):
    G: object
    rest: object
    none: object = None


TREES = {
    "a leaf": 3,
    "nothing": None,
    "an empty tuple": (),
    "named and plain": State(1, (2, State(3, ()), None, (4,)), 5),
    "None in the middle": (1, None, (None, 2)),
}
SHAPES = {"0.linear": {"w": (2, 3), "b": (3,)}, "1.tanh": {}, "2.sequential": {"0.scale": {"a": ()}}}


@pytest.mark.parametrize("name", TREES)
def test_unflatten_is_the_inverse_of_leaves(name):
    tree = TREES[name]
    again = tree_unflatten(tree, iter(list(tree_leaves(tree))))
    assert again == tree and type(again) is type(tree)


@pytest.mark.parametrize("name", TREES)
def test_flatten_names_the_leaves_in_the_order_of_leaves(name):
    assert list(tree_flatten(TREES[name]).values()) == list(tree_leaves(TREES[name]))


def test_names_are_fields_and_numbers_joined_by_dots():
    assert tree_flatten(TREES["named and plain"]) == {"G": 1, "rest.0": 2, "rest.1.G": 3, "rest.3.0": 4, "none": 5}
    assert tree_flatten((1, (2,)), "ema") == {"ema.0": 1, "ema.1.0": 2}


def test_a_tree_of_shapes_has_tuples_for_leaves():
    assert tree_flatten(SHAPES, node=dict) == {
        "0.linear.w": (2, 3),
        "0.linear.b": (3,),
        "2.sequential.0.scale.a": (),
    }
    assert tree_size(SHAPES) == 10


def test_views_share_the_vector_and_cover_it():
    vector = np.arange(10.0)
    (w, b), nothing, ((a,),) = tree_views(SHAPES, vector)
    assert w.shape == (2, 3) and b.shape == (3,) and a.shape == () and nothing == ()
    assert np.array_equal(np.concatenate([x.reshape(-1) for x in (w, b, a)]), vector)
    a[...] = 7
    assert vector[9] == 7, "a view, not a copy"
