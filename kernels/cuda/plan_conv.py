"""How a convolution is launched on a GPU: which kernel of conv.cu, which grid, which arguments."""

from math import prod
from typing import NamedTuple

from tinygan.kernels.cuda.args import PHASES, ConvArgs, ConvDxArgs, Divisor, Matrix, Patches, Place, Taps
from tinygan.kernels.cuda.plan import (
    DEPTH,
    LARGEST,
    PROCESSORS,
    TILES,
    Choice,
    Launch,
    in_order,
    joined,
    of_split,
    parts,
    shared,
    up,
)
from tinygan.kernels.shapes import fit, outputs


class Problem(NamedTuple):
    """One product: a(address) and b(address) make its maps."""

    M: int
    N: int
    K: int
    a: object
    b: object
    place: object
    biased: int


class Convolution:
    """An Operation that reads its operands, in the order of the dispatcher's arguments, as a and b, and perhaps a bias."""

    def __init__(self, operation, args, out, problems, arithmetic, vector, contiguous, choice, points):
        fit(prod(out) <= LARGEST, out)
        self.operation, self.args, self.out, self.problems = operation, args, out, [p for p in problems if p.M and p.N]
        self.writes = {"out": out}
        self.arithmetic, self.contiguous, self.points = arithmetic, contiguous, points
        self.choice = choice or choose(self.problems, vector)
        self.size = prod(out)
        self.workspace = self.size * self.choice.splits if self.choice.splits > 1 else 0

    def launches(self, at):
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


def conv2d(x, w, *, stride, pad, arithmetic, points=None, choice=None):
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


def conv2d_dx(gy, w, *, size, stride, pad, arithmetic, points=None, choice=None):
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
            steps = sh * kw * C * O, sw * C * O
            problems.append(
                Problem(
                    *(N * prod(count), C, taps),
                    lambda at, k=(th, tw), p=((top,), (left,)), n=count: patches(at, gy, k, (1, 1), p, n),
                    lambda at, f=first, s=steps, n=taps, tw=tw: Taps(at, C, O, f, *s, n, Divisor.of(O), Divisor.of(tw)),
                    Place(H, W, C, rows.start, columns.start, sh, sw, Divisor.of(prod(count)), Divisor.of(count[1])),
                    points * prod(count),
                )
            )
    which = ("depth", "depth")
    return Convolution("conv2d_dx", ConvDxArgs, (N, H, W, C), problems, arithmetic, wide(O), which, choice, points)


def conv2d_dw(x, gy, *, kernel, stride, pad, arithmetic, choice=None):
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


def patches(at, x, kernel, stride, pad, out):
    N, H, W, C = x
    fit(prod(x) <= LARGEST, x)
    sizes = N * prod(out), prod(kernel) * C
    parts = (Divisor.of(n) for n in (prod(out), out[1], C, kernel[1]))
    return Patches(at, H, W, C, *stride, pad[0][0], pad[1][0], *sizes, *parts)


def phases(n, k, s, p):
    """Along one axis: (a, rows of x̄ that meet the taps a, a + s, ..., how many taps, the padding of ȳ before it)."""
    for a in range(s):
        if rows := range((a - p) % s, n, s):
            taps = len(range(a, k, s))
            yield a, rows, taps, taps - 1 - (rows.start + p - a) // s


def choose(problems, vector):
    """The tile, and into how many parts k is split so that the blocks fill the chip, each part at least 4 slices."""
    N, K = (max((getattr(p, f) for p in problems), default=1) for f in "NK")

    def blocks(tile):
        return sum(up(p.M, tile.M) for p in problems) * up(N, tile.N)

    name = "narrow" if N <= TILES["narrow"].N else "small"
    if vector == 4 and N > TILES["small"].N and blocks(TILES["large"]) * max(K // (8 * DEPTH), 1) >= PROCESSORS:
        name = "large"
    return Choice(name, vector, parts(TILES[name], blocks(TILES[name]), K))


def wide(*channels):
    """Elements that a copy may move: four lie in one 16-byte word where channels are multiples of four."""
    return 4 if all(c % 4 == 0 for c in channels) else 1


def bounded(points, N):
    return len(range(N)[:points])
