"""A program of its own, which test_sanitized.py runs with a sanitizer loaded first: kernels of a library on small arrays.

python sanitized.py LIBRARY conv ARITHMETIC TILE ...
python sanitized.py LIBRARY pointwise | adam | norm | matmul
"""

import sys

import emulator as emu
import numpy as np

from tinygan.kernels.cuda import plan_flat, plan_matmul, plan_norm
from tinygan.kernels.cuda.plan import Choice

library, rng = emu.Emulator(sys.argv[1]), np.random.default_rng(0)


def draw(*shape):
    return rng.standard_normal(shape, np.float32)


def conv(arithmetic, *asked):
    """Of every tile and width of a word: whole tiles, parts of them, outside the image; split and not."""
    for vector, tiles, (C, O) in ((4, ("large", "small", "narrow"), (20, 12)), (1, ("small", "narrow"), (3, 5))):
        x, w, y = draw(2, 5, 7, C), draw(4, 3, C, O), draw(2, 3, 8, O)
        for tile in [tile for tile in tiles if tile in asked]:
            for splits in (1, 2):
                how = {"arithmetic": arithmetic, "choice": Choice(tile, vector, splits)}
                how |= {"stride": (2, 1), "pad": ((1, 2), (1, 2))}
                emu.conv2d(library, x, w, bias=draw(O), **how)
                emu.conv2d_dx(library, y, w, size=(5, 7), bias=draw(C), **how)
                emu.conv2d_dw(library, x, y, kernel=(4, 3), **how)


def pointwise(N, C):
    X = 3, N, C
    library.apply(plan_flat.pointwise(X, "silu", 0), s=draw(*X))
    library.apply(plan_flat.pointwise_dx(X, "elu", 1), s=draw(*X), g=draw(*X))
    library.apply(plan_flat.scale_shift(X), x=draw(*X), scale=draw(C), shift=draw(C))
    library.apply(plan_flat.combine(N * C, 1, 2), x=draw(N * C), y=draw(N * C))
    library.apply(plan_flat.flatten([N, 0, C]), **{"0": draw(N), "1": draw(0), "2": draw(C)})
    library.apply(plan_flat.dot(N * C), x=draw(N * C), y=draw(N * C))
    library.apply(plan_flat.column_sum((N, C)), a=draw(N, C))


def adam(N, C):
    arrays = {name: draw(N * C) ** 2 for name in ("theta", "g", "m", "v", "e")}
    for decay in (None, 0.9):
        operation = plan_flat.adam(N * C, b1=0.5, b2=0.9, eps=1e-8, decay=decay)
        library.apply(operation, rates=draw(2) ** 2, **arrays)


def norm(N, C):
    for sizes in ((1, N, C, 1), (N, 1, 1, C), (2, N, C, 3)):
        X = 3, *sizes
        of = {"x": draw(*X), "gamma": draw(sizes[2] * sizes[3])}
        forward = plan_norm.normalise(X, sizes, 1e-5, centre=True)
        _, *saved = library.apply(forward, **of, beta=of["gamma"])
        of |= dict(zip(plan_norm.SAVED, saved, strict=True))
        library.apply(plan_norm.normalise_vjp(X, sizes, centre=True), **of, g=draw(*X))


def matmul(N, C):
    a, b = draw(1, 2, N, C), draw(1, 2, C, N)
    left, right = (plan_matmul.Matrices.of(m.shape, m.strides) for m in (a, b))
    for splits in (1, 2):
        for tile in ("small", "narrow"):
            choice = Choice(tile, 1 if N % 4 or C % 4 else 4, splits)
            for lies, at in ((right, b), (left.turned, a)):
                operation = plan_matmul.matmul(left, lies, arithmetic="fp32", choice=choice)
                library.apply(operation, a=a, b=at)


SIZES = {"matmul": ((3, 5), (68, 36), (70, 33))}  # else:
LONG = ((3, 5), (5, 4), (700, 12), (1000, 3))

if __name__ == "__main__":
    what, *more = sys.argv[2:]
    if what == "conv":
        conv(*more)
    for size in SIZES.get(what, LONG) if what != "conv" else ():
        {"pointwise": pointwise, "adam": adam, "norm": norm, "matmul": matmul}[what](*size)
    print("clean")
