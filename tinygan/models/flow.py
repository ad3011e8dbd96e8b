"""A normalising flow of points: affine couplings that change the two halves of x in turn (Dinh et al. 2017)."""

from __future__ import annotations

from typing import Any

from tinygan.core.compose import Concat, Sequential
from tinygan.core.layer import Array, Layer
from tinygan.core.net import Net
from tinygan.core.tree import tree_views
from tinygan.layers import Coupling, Linear, Tanh


def flow(d: int, couplings: int, width: int) -> Net:
    """[x, 0] (N, d + 1) → [z, log |det ∂z/∂x|] (N, d + 1)."""
    layers = []
    for i in range(couplings):
        kept = d - d // 2 if i % 2 else d // 2
        layers.append(Coupling(d, kept, conditioner(kept, d - kept, width), turned=bool(i % 2)))
    return Net(*layers)


def conditioner(n: int, moved: int, width: int) -> Layer:
    """x_a (N, n) → [s, t] (N, 2 moved), s in (-1, 1). It is smooth, so the density is smooth."""
    s, t = Sequential(Linear(width, moved), Tanh()), Linear(width, moved)
    return Sequential(Linear(n, width), Tanh(), Linear(width, width), Tanh(), Concat(s, t))


def inverse(net: Net, theta: Array, y: Array) -> Array:
    """[z, ℓ] ↦ [x, ℓ − log |det ∂z/∂x|], each (N, d + 1)."""
    chain: Any = net.f
    for f, p in zip(reversed(chain.children), reversed(tree_views(chain.tree("shapes"), theta)), strict=True):
        y = f.inverse(p, y)
    return y
