"""Padding of an image with its own pixels. (The ``pad`` of convolutions pads with zeros.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape

Mode = Literal["reflect", "replicate"]
ROWS, COLUMNS = -3, -2  # the axes of (..., H, W, C)


class Pad(Layer):
    """y = B x Bᵀ,  ẏ = B ẋ Bᵀ;   x̄ = Bᵀ ȳ B,  ẋ̄ likewise:  p pixels on each side, rows and columns alike.

    Along one axis (B x)[i] = x[t(i − p)], with n pixels and t(j) = j inside. Outside, "reflect" has t(−j) = j and
    t(n − 1 + j) = n − 1 − j, a mirror in the border pixel; it needs n > p. CycleGAN's nets begin with it (Zhu et al.
    2017, §7.2). "replicate" takes the nearest pixel. Bᵀ adds the cotangent of a copy to that of the pixel it copies.
    x (N, H, W, C)  →  y (N, H + 2p, W + 2p, C).
    """

    affine = True

    def __init__(self, p: int, mode: Mode = "reflect") -> None:
        super().__init__()
        self.p, self.mode = p, mode
        if p < 0:
            raise ValueError(f"Pad: p must be at least 0: got {p}")
        if mode not in get_args(Mode):
            raise ValueError(f"Pad: mode is one of {', '.join(get_args(Mode))}: got {mode!r}")

    def out_shape(self, shape: Shape) -> Shape:
        H, W, C = mirrored(self, shape, self.p) if self.mode == "reflect" else self.images(shape)
        return H + 2 * self.p, W + 2 * self.p, C

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return both(extend, X, self.p, self.mode), None

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return both(retract, G, self.p, self.mode)


def mirrored(f: Layer, shape: Shape, p: int) -> Shape:
    """``shape`` of an image with a height and width above p, so that it can be mirrored; ShapeError of f otherwise."""
    H, W, _ = f.images(shape)
    if min(H, W) <= p:
        raise f.shape_error(f"a mirrored border of {p} needs a height and width of at least {p + 1}", shape)
    return shape


def both(f: Callable[..., Array], A: Array, *rest: Any) -> Array:
    """f along the rows, then along the columns."""
    return f(f(A, ROWS, *rest), COLUMNS, *rest)


def at(axis: int, start: int, stop: int, step: int = 1) -> tuple[Any, ...]:
    """The index of start : stop : step along ``axis``, a negative number."""
    return ..., slice(start, stop, step), *[slice(None)] * (-1 - axis)


def extend(A: Array, axis: int, p: int, mode: Mode) -> Array:
    """B along one axis."""
    n = A.shape[axis]
    if mode == "reflect":
        ends = [np.flip(A[at(axis, start, start + p)], axis) for start in (1, n - 1 - p)]
    else:
        ends = [A[at(axis, start, start + 1)].repeat(p, axis) for start in (0, n - 1)]
    return np.concatenate([ends[0], A, ends[1]], axis)


def retract(G: Array, axis: int, p: int, mode: Mode) -> Array:
    """Bᵀ along one axis."""
    n = G.shape[axis] - 2 * p
    before, inner, after = np.split(G, [p, p + n], axis)
    A = inner.copy()
    if mode == "reflect":
        A[at(axis, 1, 1 + p)] += np.flip(before, axis)
        A[at(axis, n - 1 - p, n - 1)] += np.flip(after, axis)
    else:
        A[at(axis, 0, 1)] += before.sum(axis, keepdims=True)
        A[at(axis, n - 1, n)] += after.sum(axis, keepdims=True)
    return A
