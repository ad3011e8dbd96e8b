"""Pooling over windows that overlap or extend beyond the image. (Pooling over disjoint blocks is in shape.py.)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape


class MaxPool2d(Layer):
    """y = x at m,  ẏ = ẋ at m,  m the position of the maximum of a window;   x̄ and ẋ̄ at m: the sums of ȳ and ẏ̄.

    Window (i, j) has rows s·i − p ... s·i − p + k − 1 and columns likewise, without those outside x. Of equal pixels
    m is the first. A NaN is greater than any number. x (N, H, W, C)  →  y (N, P, Q, C),  P = (H + 2p − k) // s + 1,  p ≤ k/2.
    """

    def __init__(self, k: int, *, stride: int = 1, pad: int = 0) -> None:
        super().__init__()
        self.k, self.stride, self.pad = k, stride, pad
        if not 0 <= 2 * pad <= k:
            raise ValueError(f"MaxPool2d: pad must be at most half of k: pad {pad}, k {k}")

    def out_shape(self, shape: Shape) -> Shape:
        H, W, C = self.images(shape)
        P, Q = ((n + 2 * self.pad - self.k) // self.stride + 1 for n in (H, W))
        if min(P, Q) < 1:
            raise self.shape_error(f"the window of {self.k} is larger than the padded image", shape)
        return P, Q, C

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Y, *rest = self.windows(frame(X, self.pad, -np.inf), X.shape)
        Y, where = Y.copy(), np.zeros(Y.shape[1:], np.min_scalar_type(self.k**2), like=Y)
        for m, V in enumerate(rest, start=1):
            better = (V[0] > Y[0]) | np.isnan(V[0])
            np.copyto(Y, V, where=better)
            np.copyto(where, m, where=better)
        return Y, (where, X.shape)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        where, shape = saved
        GX = frame(np.zeros((*G.shape[:2], *shape[2:]), G.dtype, like=G), self.pad)
        for m, V in enumerate(self.windows(GX, shape)):
            V += np.where(where == m, G, 0)
        H, W = shape[2:4]
        return GX[:, :, self.pad : self.pad + H, self.pad : self.pad + W]

    @property
    def piecewise_linear(self) -> bool:
        return True

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Bundle, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        where, shape = saved
        Y = np.zeros((*Z.shape[:2], *where.shape[1:]), Z.dtype, like=Z)
        for m, V in enumerate(self.windows(frame(Z, self.pad), shape)):
            np.copyto(Y, V, where=where == m)
        return Y, ()  # at the same places as x

    def windows(self, A: Bundle, shape: Shape) -> Iterator[Bundle]:
        """For each position in a window, a view (T, N, P, Q, C) of the padded A: A at that position of every window."""
        P, Q, _ = self.out_shape(shape[2:])
        s = self.stride
        for u in range(self.k):
            for v in range(self.k):
                yield A[:, :, u : u + s * (P - 1) + 1 : s, v : v + s * (Q - 1) + 1 : s]


class LocalMeanPool(Layer):
    """y = S x / S1,  ẏ = S ẋ / S1;   x̄ = S (ȳ / S1),  ẋ̄ likewise;   S the sum over the k x k pixels around, k odd.

    A mean over the pixels of the window that are inside the image (TensorFlow's "SAME" average pooling; PyTorch's with
    ``count_include_pad=False``). S is symmetric, so it is its own adjoint. x (N, H, W, C)  →  y (N, H, W, C).
    """

    affine = True

    def __init__(self, k: int = 3) -> None:
        super().__init__()
        self.k = k
        if k % 2 == 0:
            raise ValueError(f"LocalMeanPool: k must be odd: got {k}")

    def out_shape(self, shape: Shape) -> Shape:
        return self.images(shape)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return self.around(X) / self.count(X), None

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return self.around(G / self.count(G))

    def around(self, A: Bundle) -> Bundle:
        """S A: sums over rows, then over columns."""
        H, W = A.shape[2:4]
        A = frame(A, self.k // 2)
        rows = reduce(np.add, [A[:, :, u : u + H] for u in range(self.k)])
        return reduce(np.add, [rows[:, :, :, v : v + W] for v in range(self.k)])

    def count(self, A: Bundle) -> Array:
        """S1, (H, W, 1): the number of pixels of each mean."""
        return self.around(np.zeros((1, 1, *A.shape[2:4], 1), A.dtype, like=A) + 1)[0, 0]


def frame(A: Bundle, pad: int, point: float = 0) -> Bundle:
    """A with ``pad`` pixels around it: of value ``point`` around the point, zero around tangents."""
    T, N, H, W, C = A.shape
    if pad == 0:
        return A
    framed = np.zeros((T, N, H + 2 * pad, W + 2 * pad, C), A.dtype, like=A)
    framed[:1] = point
    framed[:, :, pad : pad + H, pad : pad + W] = A
    return framed
