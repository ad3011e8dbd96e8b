"""The forms of Winograd's algorithm, and which is taken for which shape."""

from __future__ import annotations

from tinygan.kernels.jit.vector import Vector
from tinygan.kernels.shapes import Pair

Form = Pair  # (m, r)
Matrix = list[list[float]]

# (m, r): Bᵀ, G, Aᵀ. Column 1 of every Aᵀ is all ones, so that a bias is added once, to product (1, 1).
F: dict[Form, tuple[Matrix, Matrix, Matrix]] = {
    (2, 2): (
        [[1, -1, 0], [0, 1, 0], [0, 1, -1]],
        [[1, 0], [1, 1], [0, 1]],
        [[1, 1, 0], [0, 1, -1]],
    ),
    (4, 2): (  # points 0, 1, −1, 2, ∞
        [[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]],
        [[1 / 2, 0], [-1 / 2, -1 / 2], [-1 / 6, 1 / 6], [1 / 6, 1 / 3], [0, 1]],
        [[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 0], [0, 1, -1, 8, 1]],
    ),
    (2, 3): (  # points 0, 1, −1, ∞ (Lavin & Gray 2016, eq. 10)
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    (4, 3): (  # points 0, 1, −1, 2, −2, ∞ (Lavin & Gray 2016, §4.3)
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}

WHERE: dict[tuple[Pair, Pair], int] = {
    ((4, 4), (2, 2)): 2,
    ((3, 3), (1, 1)): 3,
}  # (kernel, stride): taps r of the correlations it consists of
FEWEST = 16  # channels on either side: below, the transforms cost more than they save


def form(v: Vector, what: str, C: int, O: int, size: Pair, kernel: Pair, stride: Pair) -> Form | None:
    """(m, r) of the form with the fewest products for "y", "dx" or "dw", or None where the direct form is faster.

    ``size`` (P, Q) is that of the convolution's output. The batch does not matter: a sample's bits do not depend on
    its company. float64 is always direct. Errors in float32, of the largest output: F(2,·) 1e-6, F(4,·) 1e-5.
    A value that is not finite spreads over its tile, and sums overflow some 30 times earlier than in the direct form.
    """
    r = WHERE.get((kernel, stride))
    if r is None or v.dtype != "float32" or C % v.lanes or O % v.lanes or min(C, O) < FEWEST:
        return None
    if what == "dw" and size[0] * size[1] < 16:
        return None  # few tiles: the last transform, of the whole weight, costs more than they save
    products = {m: (m + r - 1) ** 2 * (-(-size[0] // m)) * (-(-size[1] // m)) for m in (2, 4)}
    m = min(products, key=products.__getitem__)
    return (m, r) if products[m] < 0.7 * r * r * size[0] * size[1] else None
