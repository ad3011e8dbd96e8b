"""Data-dependent initialisation of weights, by a first batch (Salimans & Kingma 2016, §3)."""

from __future__ import annotations

import numpy as np

from tinygan.core.compose import Concat, Sequential
from tinygan.core.layer import Array, Bundle, Layer, Params, apply, modules
from tinygan.core.net import Net, flat
from tinygan.errors import UsageError
from tinygan.layers import WeightNorm


def data_init(net: Net, theta: Array, x: Array) -> Array:
    """θ with which the outputs of every ``WeightNorm`` have mean 0 and variance 1 on samples x (N, ...).

    The layers are initialised in order, each on the outputs of the layers before it with their new weights. Use
    ``net.eval(running)`` for a net with noise. Raises UsageError for a ``WeightNorm`` inside another composition than
    ``Sequential`` and ``Concat``.
    """
    p, _ = _begun(net.f, net.params(theta), x[None])
    return flat(p, theta.dtype)


def _begun(f: Layer, p: Params, X: Bundle) -> tuple[Params, Bundle]:
    """The new parameters of a layer, and its output on X with them."""
    if isinstance(f, Sequential):
        row = []
        for child, q in zip(f.children, p, strict=True):
            q, X = _begun(child, q, X)
            row.append(q)
        return tuple(row), X
    if isinstance(f, Concat):
        pairs = [_begun(child, q, X) for child, q in zip(f.children, p, strict=True)]
        return tuple(q for q, _ in pairs), np.concatenate([Y for _, Y in pairs], axis=-1)
    if isinstance(f, WeightNorm):
        p = f.standardised(p, X)
    elif any(isinstance(leaf, WeightNorm) for leaf in modules(f)):
        raise UsageError(f"data_init supports Sequential and Concat: {type(f).__name__} has a WeightNorm inside")
    return p, apply(f, p, X)[0]
