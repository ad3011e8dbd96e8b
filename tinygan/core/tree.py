"""Trees: nested tuples of arrays and numbers, and the nested dictionaries of their names and shapes.

A training state, a layer's parameters and its running values are trees: tuples or NamedTuples of trees and leaves.
None holds no leaf. A tree of shapes is a dictionary {name: shape, or a tree of shapes} in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from numpy import ndarray as Array


def tree_leaves(tree: Any) -> Iterator[Any]:
    """The leaves, in order."""
    if isinstance(tree, tuple):
        for child in tree:
            yield from tree_leaves(child)
    elif tree is not None:
        yield tree


def tree_flatten(tree: Any, prefix: str = "", *, node: type = tuple) -> dict[str, Any]:
    """The leaves by dotted name, in order: ``G``, ``D_memory.m``, ``pool.0``.

    ``node`` is the type that has children: tuple, or dict for a tree of shapes, whose leaves are tuples.
    """
    if not isinstance(tree, node):
        return {} if tree is None else {prefix: tree}
    leaves: dict[str, Any] = {}
    for name, child in _children(tree):
        leaves |= tree_flatten(child, f"{prefix}.{name}" if prefix else name, node=node)
    return leaves


def tree_unflatten(like: Any, leaves: Iterator[Any]) -> Any:
    """A tree with the structure of ``like`` and the ``leaves``, in the order of ``tree_leaves``."""
    if isinstance(like, tuple):
        children = [tree_unflatten(child, leaves) for child in like]
        return type(like)(*children) if hasattr(like, "_fields") else tuple(children)
    return None if like is None else next(leaves)


def tree_size(shapes: Any) -> int:
    """The number of elements of all arrays in a tree of shapes."""
    return sum(map(tree_size, shapes.values())) if isinstance(shapes, dict) else math.prod(shapes)


def tree_views(shapes: dict[str, Any], vector: Array) -> tuple[Any, ...]:
    """Nested tuples of views into ``vector`` (P,), with the structure of ``shapes``."""
    views, start = [], 0
    for branch in shapes.values():
        end = start + tree_size(branch)
        part = vector[start:end]
        views.append(tree_views(branch, part) if isinstance(branch, dict) else part.reshape(branch))
        start = end
    return tuple(views)


def _children(tree: Any) -> Iterator[tuple[str, Any]]:
    """The children by name: the keys of a dictionary, the fields of a NamedTuple, else 0, 1, 2..."""
    if isinstance(tree, dict):
        return iter(tree.items())
    return zip(getattr(tree, "_fields", map(str, range(len(tree)))), tree, strict=True)
