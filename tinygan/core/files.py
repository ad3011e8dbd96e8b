"""Vectors of a net in files: a safetensors file holds the named views of θ and of the running values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray as Array

from tinygan.core.tree import tree_flatten
from tinygan.errors import FormatError
from tinygan.formats.safetensors import load


def load_vectors(path: str | Path, *trees: dict[str, Any]) -> list[Array]:
    """One vector for each tree of shapes, of the tensors that have the tree's names.

    Raises FormatError, which names the first tensor that is missing, too many, or of another shape or type; DataError if
    the file cannot be read.
    """
    tensors, _ = load(path)
    shapes = [tree_flatten(tree, node=dict) for tree in trees]
    expected = {name: shape for each in shapes for name, shape in each.items()}
    kind = next((tensors[name].dtype for name in expected if name in tensors), np.dtype(np.float32))
    problem = mismatch(tensors, expected, kind)
    if problem:
        raise FormatError(f"{path} does not fit this net: {problem}; load it into a net like the one that saved it")
    return [np.concatenate([np.zeros(0, kind), *(tensors[name].reshape(-1) for name in each)]) for each in shapes]


def mismatch(tensors: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]], kind: np.dtype[Any]) -> str:
    """What is wrong with the first tensor that does not have its shape or type; "" if all fit."""
    for name, shape in shapes.items():
        if name not in tensors:
            return f"{name} {shape} is missing"
        found = tensors[name]
        if found.shape != shape:
            return f"{name} is {found.shape}, expected {shape}"
        if kind.kind != "f" or found.dtype != kind:
            return f"{name} is {found.dtype}, expected {kind if kind.kind == 'f' else 'floats'}"
    return next((f"{name} is not part of it" for name in tensors if name not in shapes), "")
