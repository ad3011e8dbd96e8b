"""How a convolution is launched on a GPU: which kernel of conv.cu, which grid, which arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any, NamedTuple

from tinygan.kernels.cuda.args import PHASES, ConvArgs, ConvDxArgs, Divisor, Matrix, Patches, Place, Taps
from tinygan.kernels.cuda.plan import (
    DEPTH,
    LARGEST,
    PROCESSORS,
    TILES,
    At,
    Choice,
    Launch,
    Tile,
    in_order,
    joined,
    of_split,
    parts,
    shared,
    up,
)
from tinygan.kernels.shapes import Pad, Pair, Shape, fit, outputs


class Problem(NamedTuple):
    """One product: a(address) and b(address) make its maps."""

    M: int
    N: int
    K: int
    a: Callable[[int | None], Any]
    b: Callable[[int | None], Any]
    place: Any
    biased: int


class Convolution:
    """An Operation that reads its operands, in the order of the dispatcher's arguments, as a and b, and perhaps a bias."""

    def __init__(
        self,
        operation: str,
        args: Any,
        out: Shape,
        problems: list[Problem],
        arithmetic: str,
        vector: int,
        contiguous: tuple[str, str],
        choice: Choice | None,
        points: int,
    ) -> None:
        fit(prod(out) <= LARGEST, out)
        self.operation, self.args, self.out, self.problems = operation, args, out, [p for p in problems if p.M and p.N]
        self.writes = {"out": out}
        self.arithmetic, self.contiguous, self.points = arithmetic, contiguous, points
        self.choice = choice or choose(self.problems, vector)
        self.size = prod(out)
        self.workspace = self.size * self.choice.splits if self.choice.splits > 1 else 0

    def launches(self, at: At) -> list[Launch]:
        if not self.problems:
            return []
        tile, splits = TILES[self.choice.tile], self.choice.splits
        name = f"{self.operation}_{self.arithmetic}_{self.choice.tile}{self.choice.vector}"
        done = []
        for first in range(0, len(self.problems), PHASES):
            some = self.problems[first : first + PHASES]
            args = self.args()
            for i, p in enumerate(some):
                args.problem[i] = type(args.problem[i])(p.a(at["a"]), p.b(at["b"]), p.place, p.M, p.N, p.K, p.biased)
            run = of_split(max(p.K for p in some), splits)
            args.bias, args.out = (at.get("bias"), at["out"]) if splits == 1 else (None, at["workspace"])
            args.size, args.splits, args.run = self.size, splits, run
            grid = (up(max(p.M for p in some), tile.M), up(some[0].N, tile.N), len(some) * splits)
            done.append(Launch(name, grid, tile.threads, shared(tile, *self.contiguous), args))
        if splits > 1:
            biased = self.points * prod(self.out[1:])
            done.append(joined(at, self.size, splits, biased, self.out[-1]))
        return done


def conv2d(
    x: Shape,
    w: Shape,
    *,
    stride: Pair,
    pad: Pad,
    arithmetic: str,
    points: int | None = None,
    choice: Choice | None = None,
) -> Convolution:
    """The plan of y = w ⋆ x + b of shapes x (N, H, W, C), w (kh, kw, C, O); the bias goes to ``points`` samples (None: all)."""
    (N, H, W, C), (kh, kw, c, O) = x, w
    fit(c == C, x, w)
    P, Q = outputs((H, W), (kh, kw), stride, pad)
    points = bounded(points, N)
    M, K = N * P * Q, kh * kw * C
    problem = Problem(
        *(M, O, K),
        lambda at: patches(at, x, (kh, kw), stride, pad, (P, Q)),
        lambda at: Matrix(at, K, O, O),
        in_order(M, O),
        points * P * Q,
    )
    which = ("depth", "rows")
    return Convolution("conv2d", ConvArgs, (N, P, Q, O), [problem], arithmetic, wide(C, O), which, choice, points)


def conv2d_dx(
    gy: Shape,
    w: Shape,
    *,
    size: Pair,
    stride: Pair,
    pad: Pad,
    arithmetic: str,
    points: int | None = None,
    choice: Choice | None = None,
) -> Convolution:
    """The plan of the adjoint in x, of shapes gy (N, P, Q, O), w (kh, kw, C, O), to (N, *size, C)."""
    (N, *_, O), (kh, kw, C, o) = gy, w
    fit(o == O, gy, w)
    (H, W), (sh, sw), points = size, stride, bounded(points, N)
    problems = []
    for a, rows, th, top in phases(H, kh, sh, pad[0][0]):
        for b, columns, tw, left in phases(W, kw, sw, pad[1][0]):
            count = len(rows), len(columns)
            taps = th * tw * O
            first = ((a + sh * (th - 1)) * kw + b + sw * (tw - 1)) * C * O
            map_of_taps = partial(
                Taps, C=C, O=O, first=first, down=sh * kw * C * O, right=sw * C * O, taps=taps,
                channel=Divisor.of(O), kernel_line=Divisor.of(tw),
            )  # fmt: skip
            problems.append(
                Problem(
                    *(N * prod(count), C, taps),
                    partial(patches, x=gy, kernel=(th, tw), stride=(1, 1), pad=((top,), (left,)), out=count),
                    map_of_taps,
                    Place(H, W, C, rows.start, columns.start, sh, sw, Divisor.of(prod(count)), Divisor.of(count[1])),
                    points * prod(count),
                )
            )
    which = ("depth", "depth")
    return Convolution("conv2d_dx", ConvDxArgs, (N, H, W, C), problems, arithmetic, wide(O), which, choice, points)


def conv2d_dw(
    x: Shape, gy: Shape, *, kernel: Pair, stride: Pair, pad: Pad, arithmetic: str, choice: Choice | None = None
) -> Convolution:
    """The plan of the adjoint in w, of shapes x (N, H, W, C), gy (N, P, Q, O), to (*kernel, C, O)."""
    (N, H, W, C), (_, P, Q, O) = x, gy
    fit(tuple(gy[:3]) == (N, *outputs((H, W), kernel, stride, pad)), x, gy)
    M, K = prod(kernel) * C, N * P * Q
    problem = Problem(
        *(M, O, K),
        lambda at: patches(at, x, kernel, stride, pad, (P, Q)),
        lambda at: Matrix(at, K, O, O),
        in_order(M, O),
        0,
    )
    which = ("rows", "rows")
    return Convolution("conv2d_dw", ConvArgs, (*kernel, C, O), [problem], arithmetic, wide(C, O), which, choice, 0)


def patches(at: int | None, x: Shape, kernel: Pair, stride: Pair, pad: Any, out: Pair) -> Any:
    N, H, W, C = x
    fit(prod(x) <= LARGEST, x)
    sizes = N * prod(out), prod(kernel) * C
    parts = (Divisor.of(n) for n in (prod(out), out[1], C, kernel[1]))
    return Patches(at, H, W, C, *stride, pad[0][0], pad[1][0], *sizes, *parts)


def phases(n: int, k: int, s: int, p: int) -> Iterator[tuple[int, range, int, int]]:
    """Along one axis: (a, rows of x̄ that meet the taps a, a + s, ..., how many taps, the padding of ȳ before it)."""
    for a in range(s):
        if rows := range((a - p) % s, n, s):
            taps = len(range(a, k, s))
            yield a, rows, taps, taps - 1 - (rows.start + p - a) // s


def choose(problems: list[Problem], vector: int) -> Choice:
    """The tile, and into how many parts k is split so that the blocks fill the chip, each part at least 4 slices."""
    N, K = (max((getattr(p, f) for p in problems), default=1) for f in "NK")

    def blocks(tile: Tile) -> int:
        return sum(up(p.M, tile.M) for p in problems) * up(N, tile.N)

    name = "narrow" if N <= TILES["narrow"].N else "small"
    if vector == 4 and N > TILES["small"].N and blocks(TILES["large"]) * max(K // (8 * DEPTH), 1) >= PROCESSORS:
        name = "large"
    return Choice(name, vector, parts(TILES[name], blocks(TILES[name]), K))


def wide(*channels: int) -> int:
    """Elements of one copy: 4, a word of 16 bytes, where channels are multiples of four; else 1."""
    return 4 if all(c % 4 == 0 for c in channels) else 1


def bounded(points: int | None, N: int) -> int:
    return len(range(N)[:points])
