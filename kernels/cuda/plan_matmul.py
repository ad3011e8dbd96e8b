"""How products of matrices are launched (matmul.cu): the steps of their axes, the form, the tile."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from tinygan.kernels.cuda.args import Divisor, Lines, Matrix, batch_arguments
from tinygan.kernels.cuda.plan import (
    LARGEST,
    TILES,
    At,
    Choice,
    Launch,
    Operation,
    in_order,
    joined,
    of_split,
    parts,
    shared,
    up,
)
from tinygan.kernels.shapes import Shape, fit

FORMS = {  # the arguments, the map of b, what runs fastest in it
    "nn": (batch_arguments(Matrix), Matrix, "rows"),
    "nt": (batch_arguments(Lines), Lines, "depth"),
}
GRID = 65535  # blocks along the second and third axis of a grid, the most


class Matrices(NamedTuple):
    """Matrices (outer, inner, rows, columns), and how many elements lie between neighbours along each axis."""

    shape: Shape
    steps: Shape

    @classmethod
    def of(cls, shape: Shape, strides: Shape) -> Matrices:
        """From bytes, of float32; along an axis of one element nothing moves."""
        return cls(tuple(shape), tuple(s // 4 if n > 1 else 0 for n, s in zip(shape, strides, strict=True)))

    @property
    def turned(self) -> Matrices:
        """The transposes, where they lie."""
        (*outer, m, n), (*steps, down, right) = self
        return Matrices((*outer, n, m), (*steps, right, down))

    @property
    def in_lines(self) -> bool:
        """Whether each row is a line, and lines do not meet."""
        (*_, m, n), (*_, down, right) = self
        return not prod(self.shape) or ((n == 1 or right == 1) and (m == 1 or down >= n) and min(self.steps) >= 0)

    @property
    def in_words(self) -> bool:
        """Whether lines are words of four, and begin at some."""
        return self.shape[3] % 4 == 0 and not any(step % 4 for step in self.steps[:3])


def matmul(
    a: Matrices, b: Matrices, *, arithmetic: str, in_words: bool = True, choice: Choice | None = None
) -> Operation:
    """a b of Matrices whose first two axes agree: reads a, whose rows are lines, and b, whose rows or columns are."""
    (*batch, M, K), (*batch_b, k, N) = a.shape, b.shape
    fit(batch == batch_b and k == K and a.in_lines, a.shape, b.shape)
    form, lies = ("nn", b) if b.in_lines else ("nt", b.turned)
    Args, B, lines = FORMS[form]
    fit(lies.in_lines, a.shape, b.shape)
    count, size = prod(batch), prod(batch) * M * N
    fit(max(size, *map(extent, (a, b))) <= LARGEST, a.shape, b.shape)
    if count > GRID:
        raise ValueError(f"{count} products of matrices are more than a launch has room for, {GRID}: multiply in parts")
    choice = choice or choose(count, M, N, K, 4 if in_words and a.in_words and lies.in_words else 1)
    tile, splits = TILES[choice.tile], choice.splits
    run = of_split(K, splits)
    fit(up(N, tile.N) <= GRID, a.shape, b.shape)
    inner, steps = Divisor.of(batch[1]), (*a.steps[:2], *b.steps[:2])

    def launches(at: At) -> list[Launch]:
        if not size:
            return []
        args = Args(inner=inner)
        args.a_outer, args.a_inner, args.b_outer, args.b_inner = steps
        left, right = Lines(at["a"], M, K, a.steps[2]), B(at["b"], *lies.shape[2:], lies.steps[2])
        args.one.problem[0] = type(args.one.problem[0])(left, right, in_order(M, N), M, N, K, 0)
        args.one.out = at["out"] if splits == 1 else at["workspace"]
        args.one.size, args.one.splits, args.one.run = size, splits, run
        grid = up(M, tile.M), up(N, tile.N), count * splits
        name = f"matmul_{form}_{arithmetic}_{choice.tile}{choice.vector}"
        first = Launch(name, grid, tile.threads, shared(tile, "depth", lines), args)
        last = joined(at, size, splits, 0, N)
        return [first] if splits == 1 else [first, last]

    return Operation({"out": (*batch, M, N)}, size * splits if splits > 1 else 0, launches)


def choose(count: int, M: int, N: int, K: int, vector: int) -> Choice:
    """A tile, and into how many parts k is split so that the blocks fill the chip."""
    name = "narrow" if N <= TILES["narrow"].N else "small"
    tile = TILES[name]
    most = max(GRID // max(count, 1), 1)
    return Choice(name, vector, min(parts(tile, count * up(M, tile.M) * up(N, tile.N), K), most))


def extent(a: Matrices) -> int:
    """Elements from the first to the last."""
    return 1 + sum((n - 1) * step for n, step in zip(*a, strict=True))
