"""One step down and one step up a pyramid of images (Burt & Adelson 1983: REDUCE and EXPAND)."""

from __future__ import annotations

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape
from tinygan.layers.blur import BINOMIAL, smooth, smooth_adjoint
from tinygan.layers.border import at, both, mirrored

RADIUS = len(BINOMIAL) // 2
DOUBLE = tuple(2 * w for w in BINOMIAL)  # every second pixel is zero


class PyramidDown(Layer):
    """y = S K x Kᵀ Sᵀ,  ẏ likewise;   x̄ = Kᵀ Sᵀ ȳ S K,  ẋ̄ likewise.

    ``Blur``, then every second pixel, beginning with the first. S selects the pixels, K is the filter along an axis.
    x (N, H, W, C), H and W at least 3  →  y (N, ⌈H/2⌉, ⌈W/2⌉, C).
    """

    affine = True

    def out_shape(self, shape: Shape) -> Shape:
        H, W, C = mirrored(self, shape, RADIUS)
        return half(H), half(W), C

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return both(thin, both(smooth, X, BINOMIAL)).copy(), X.shape[2:4]

    def backward(self, p: Params, size: Saved, G: Bundle) -> Bundle:
        return both(smooth_adjoint, spread(G, size), BINOMIAL)


class PyramidUp(Layer):
    """y = 4 K Sᵀ x S Kᵀ,  ẏ likewise;   x̄ = 4 S Kᵀ ȳ K Sᵀ,  ẋ̄ likewise.

    Zeros between the pixels, then ``Blur`` times 4. An even pixel of y is (x₋ + 6x + x₊) / 8 along an
    axis, an odd one (x + x₊) / 2. The mirror maps even positions to even ones for every size, so both sums of weights
    are 1 at the borders too, and a constant image is not changed.
    ``size`` is the (H, W) of y, at least 3: twice that of x, which is the default, or one less.
    x (N, ⌈H/2⌉, ⌈W/2⌉, C)  →  y (N, H, W, C).
    """

    affine = True

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.size = size

    def out_shape(self, shape: Shape) -> Shape:
        h, w, C = self.images(shape)
        H, W = self.fine(h, w)
        if (half(H), half(W)) != (h, w):
            raise self.shape_error(f"no image of {H}x{W} is halved to this", shape)
        if min(H, W) <= RADIUS:
            raise self.shape_error(f"y has a height and width of at least {RADIUS + 1}: {H}x{W}", shape)
        return H, W, C

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return both(smooth, spread(X, self.fine(*X.shape[2:4])), DOUBLE), None

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return both(thin, both(smooth_adjoint, G, DOUBLE)).copy()

    def fine(self, h: int, w: int) -> tuple[int, int]:
        """The size of y."""
        return self.size or (2 * h, 2 * w)


def half(n: int) -> int:
    """⌈n/2⌉, the number of even positions among n."""
    return (n + 1) // 2


def thin(A: Array, axis: int) -> Array:
    """S: every second pixel along one axis."""
    return A[at(axis, 0, A.shape[axis], 2)]


def spread(A: Array, size: tuple[int, int]) -> Array:
    """Sᵀ: the pixels at the even positions of an image of ``size``, and zeros between them."""
    wide = np.zeros((*A.shape[:-3], *size, A.shape[-1]), A.dtype, like=A)
    wide[..., ::2, ::2, :] = A
    return wide
