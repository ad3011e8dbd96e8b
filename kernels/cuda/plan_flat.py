"""How the kernels of pointwise.cu and adam.cu are launched: activations, sums and steps on long arrays."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_double as Double
from ctypes import c_float as Float
from itertools import accumulate
from math import prod
from typing import Any

from tinygan.kernels.cuda.args import Address, Divisor, Int, divisors, ints, structure
from tinygan.kernels.cuda.plan import LARGEST, PROCESSORS, At, Launch, Operation, up
from tinygan.kernels.shapes import Shape, fit

THREADS = 256  # of every block
BLOCKS = 8 * PROCESSORS  # that a chip holds at a time
SUM = 4 * THREADS  # bytes of shared memory: a number for each thread


def addresses(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), Address)


def floats(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), Float)


PointwiseArgs = structure("PointwiseArgs", **addresses("s g out"), **ints("size tangents"), a=Float)
CombineArgs = structure("CombineArgs", **addresses("x y out"), **ints("size"), **floats("a b"))
ScaleShiftArgs = structure(
    "ScaleShiftArgs", **addresses("x scale shift out"), **ints("size tangents"), **divisors("channels")
)
PARTS = 64  # that one launch puts in a vector
FlattenArgs = structure("FlattenArgs", part=Address * PARTS, start=Int * (PARTS + 1), out=Address)
ColumnSumArgs = structure("ColumnSumArgs", **addresses("a out"), **ints("rows columns run width"))
DotArgs = structure("DotArgs", **addresses("x y out"), **ints("size"))
AdamArgs = structure(
    "AdamArgs",
    **addresses("theta g m v e rates new_theta new_m new_v new_e"),
    **ints("size"),
    **floats("b1 c1 b2 c2 eps d c"),
)
RatesArgs = structure("RatesArgs", **addresses("t schedule rates"), **dict.fromkeys(("lr", "b1", "b2"), Double))


def pointwise(X: Shape, f: str, a: float) -> Operation:
    """Of a bundle's shape X: reads s, writes out. ``f`` names a row of reference.POINTWISE, ``a`` is its parameter."""
    return over_rows(f"pointwise_{f}", X, a)


def pointwise_dx(S: Shape, f: str, a: float) -> Operation:
    """Reads s, what the forward saved, and g."""
    return over_rows(f"pointwise_dx_{f}", S, a)


def over_rows(name: str, X: Shape, a: float) -> Operation:
    size = row(X)
    args = size, X[0] - 1, a
    return flat(name, X, size, size, lambda at: PointwiseArgs(at["s"], at.get("g"), at["out"], *args))


def combine(n: int, a: float, b: float) -> Operation:
    """a x + b y of vectors of n: reads x, y."""
    return flat("combine", (n,), n, n, lambda at: CombineArgs(at["x"], at["y"], at["out"], n, a, b))


def flatten(sizes: list[int]) -> Operation:
    """Of arrays of so many numbers: reads them by their number, "0" and so on."""
    starts = [*accumulate(sizes, initial=0)]
    fit(starts[-1] <= LARGEST, sizes)

    def launches(at: At) -> list[Launch]:
        done = []
        for first in range(0, len(sizes), PARTS):
            some = sizes[first : first + PARTS]
            args = FlattenArgs(out=at["out"])
            args.part[: len(some)] = [at[str(first + i)] for i in range(len(some))]
            args.start[: len(some) + 1] = starts[first : first + len(some) + 1]
            grid = min(up(max(some), THREADS), BLOCKS // len(some)), len(some), 1
            done += [Launch("flatten", grid, THREADS, 0, args)] if grid[0] else []
        return done

    return Operation({"out": (starts[-1],)}, 0, launches)


def scale_shift(X: Shape) -> Operation:
    """Of a bundle's shape X: reads x, scale, shift."""
    size, C = row(X), X[-1]
    args = size, X[0] - 1, Divisor.of(C)
    return flat(
        "scale_shift", X, size, C, lambda at: ScaleShiftArgs(at["x"], at["scale"], at["shift"], at["out"], *args)
    )


def adam(n: int, *, b1: float, b2: float, eps: float, decay: float | None = None) -> Operation:
    """Of vectors of n: reads theta, g, m, v and rates, (lr / (1 − b₁ᵗ), 1 / (1 − b₂ᵗ)); with a ``decay`` e too, the average."""
    names = ("theta", "m", "v") + (() if decay is None else ("e",))
    d = 0.0 if decay is None else decay
    numbers = n, b1, 1 - b1, b2, 1 - b2, eps, d, 1 - d

    def args(at: At) -> Any:
        return AdamArgs(
            *(at.get(name) for name in ("theta", "g", "m", "v", "e", "rates")),
            *(at.get(f"new_{name}") for name in ("theta", "m", "v", "e")),
            *numbers,
        )

    name = "adam" if decay is None else "adam_ema"
    return flat(name, (n,), n, n, args, tuple(f"new_{name}" for name in names))


def adam_rates(lr: float, *, b1: float, b2: float) -> Operation:
    """The rates of ``adam``: reads t, an int64, and where there is one schedule, a float64 in place of ``lr``."""

    def launches(at: At) -> list[Launch]:
        args = RatesArgs(at["t"], at.get("schedule"), at["rates"], lr, b1, b2)
        return [Launch("adam_rates", (1, 1, 1), 32, 0, args)]

    return Operation({"rates": (2,)}, 0, launches)


def flat(
    name: str, shape: Shape, size: int, period: int, args: Callable[[At], Any], writes: tuple[str, ...] = ("out",)
) -> Operation:
    """An operation whose threads take V elements each of a row of ``size``; every multiple of ``period`` starts anew."""
    fit(prod(shape) <= LARGEST, shape)

    def launches(at: At) -> list[Launch]:
        V = vector(period, at)
        return [Launch(f"{name}{V}", (blocks(size, V), 1, 1), THREADS, 0, args(at))] if size else []

    return Operation(dict.fromkeys(writes, tuple(shape)), 0, launches)


def column_sum(shape: Shape) -> Operation:
    """Σ over all axes but the last: reads a."""
    *many, C = shape
    R = prod(many)
    fit(R * C <= LARGEST, shape)
    width, run, parts = columns(R, C)

    def launches(at: At) -> list[Launch]:
        if parts == 1:
            return [summed(at["a"], at["out"], R, C, run, width)]
        part = at["workspace"]
        return [summed(at["a"], part, R, C, run, width), summed(part, at["out"], parts, C, parts, width)]

    return Operation({"out": (C,)}, parts * C if parts > 1 else 0, launches if C else lambda at: [])


def columns(R: int, C: int) -> tuple[int, int, int]:
    """Columns of a block, rows of its part, parts: as many as fill the chip, each of at least 16 rows a thread."""
    width = min(C, 32) or 1
    lanes = THREADS // width
    parts = max(min(up(BLOCKS // 2, up(C, width) or 1), up(R, 16 * lanes)), 1)
    run = max(up(R, parts), 1)
    return width, run, max(up(R, run), 1)


def summed(a: Any, out: Any, R: int, C: int, run: int, width: int) -> Launch:
    grid = (up(C, width), max(up(R, run), 1), 1)
    return Launch("column_sum", grid, THREADS, SUM, ColumnSumArgs(a, out, R, C, run, width))


def dot(n: int) -> Operation:
    """⟨x, y⟩ of vectors of n: reads x, y."""
    fit(n <= LARGEST, n)
    parts = blocks(n, 16)

    def launches(at: At) -> list[Launch]:
        part = at["workspace"] if parts > 1 else at["out"]
        first = Launch("dot", (parts, 1, 1), THREADS, SUM, DotArgs(at["x"], at["y"], part, n))
        return [first] if parts == 1 else [first, summed(part, at["out"], parts, 1, parts, 1)]

    return Operation({"out": (1,)}, parts if parts > 1 else 0, launches)


def row(X: Shape) -> int:
    """Elements of the point of a bundle."""
    fit(X[0] >= 1, X)
    return prod(X[1:])


def vector(period: int, at: At) -> int:
    """Elements of an access: four lie in one 16-byte word where rows are multiples of four and arrays start at one."""
    moved = (a for name, a in at.items() if a and name not in ("rates", "workspace"))
    return 4 if period % 4 == 0 and all(a % 16 == 0 for a in moved) else 1


def blocks(size: int, V: int) -> int:
    return max(min(up(size, V * THREADS), BLOCKS), 1)
