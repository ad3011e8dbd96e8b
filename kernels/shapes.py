"""Which shapes fit, how large a convolution is, and the phases of its adjoint: the same for every backend."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from numpy import ndarray as Array

Shape = tuple[int, ...]
Pair = tuple[int, ...]  # two numbers, of rows and of columns
Pad = tuple[Pair, ...]  # ((top, bottom), (left, right))
Sizes = tuple[int, int, int, int]  # (S, R, G, D), as ``normalise`` sees its input
Saved = tuple[Array, tuple[Any, ...]]  # what ``normalise`` leaves to ``normalise_vjp``: X, and statistics of each set
Cotangents = tuple[Array | None, tuple[Array, Array] | None]  # X̄ and (γ̄, β̄)
Phase = tuple[int, range, int, Pair]


def fit(fits: bool, *shapes: Any) -> None:
    """ValueError with the shapes where they do not fit."""
    if not fits:
        raise ValueError(f"shapes do not fit: {', '.join(map(str, shapes))}")


def phases(size: Pair, kernel: Pair, stride: Pair, pad: Pad, out: Pair) -> Iterable[tuple[Phase, ...]]:
    """The phases of the adjoint: pairs, of rows and of columns, of (a, those of x̄, taps, padding of ȳ, perhaps negative).

    x̄[i] = Σ_t ȳ[q − t] w[a + s·t] with i + p = s·q + a: rows i₀, i₀+s, ... read ȳ from q₀ − taps + 1 to q₀ + count − 1.
    """

    def along(n: int, k: int, s: int, p: Pair, n_out: int) -> Iterator[Phase]:
        for a in range(min(s, k)):
            if rows := range((a - p[0]) % s, n, s):
                taps, first = len(range(a, k, s)), (rows.start + p[0] - a) // s
                yield a, rows, taps, (taps - 1 - first, first + len(rows) - n_out)

    return product(*map(along, size, kernel, stride, pad, out))


def outputs(size: Pair, kernel: Pair, stride: Pair, pad: Pad) -> Pair:
    """(P, Q) of a convolution."""
    found = tuple((n + sum(p) - k) // s + 1 for n, p, k, s in zip(size, pad, kernel, stride, strict=True))
    fit(min(found) >= 0, size, kernel)
    return found
