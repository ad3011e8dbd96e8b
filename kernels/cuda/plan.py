"""What every plan of a launch on a GPU is made of: operations, launches, the tiles of a product.

A plan knows shapes; addresses come with ``launches``. Nothing here needs a GPU: the emulator of the tests launches the same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tinygan.kernels.cuda.args import Divisor, JoinArgs, Place
from tinygan.kernels.shapes import Shape, fit

ARITHMETICS = ("fp32", "tf32", "tf32x3")
DEPTH, STAGES = 32, 3  # of a slice, slices in shared memory
JOIN_THREADS = 256
PROCESSORS = 132  # of an H100, H200
LARGEST = 2**31 - 1  # elements of an array: offsets are of 32 bits


At = Mapping[str, Any]  # addresses of arrays by name, None for an array that is not there


class Tile(NamedTuple):
    """Rows and columns of a block's part of the product, its threads, and for how many blocks on a processor k is split.

    Measured on an H200: more blocks hide more latency, but joining their parts costs a launch and a pass over them.
    """

    M: int
    N: int
    threads: int
    blocks: int


TILES = {"large": Tile(128, 128, 256, 1), "small": Tile(64, 64, 128, 3), "narrow": Tile(64, 16, 128, 6)}


class Launch(NamedTuple):
    """One kernel of a .cu file, its grid and its arguments."""

    name: str
    grid: tuple[int, int, int]
    threads: int
    shared: int  # bytes
    args: ctypes.Structure


class Operation(NamedTuple):
    """One operation on one shape: ``writes`` has the shapes of its results by name, ``workspace`` the floats it needs beside.

    ``launches`` takes the addresses of all arrays by name and gives the kernels to run, in order.
    """

    writes: dict[str, Shape]
    workspace: int
    launches: Callable[[At], list[Launch]]


# ---------------------------------------------------------------- products of matrices, of convolutions too


class Choice(NamedTuple):
    """A tile by name, elements a copy, and parts that k is split into."""

    tile: str
    vector: int
    splits: int


def of_split(K: int, splits: int) -> int:
    """How much of k a split takes: whole slices."""
    run = up(up(K, splits), DEPTH) * DEPTH
    fit(splits * run <= LARGEST, (K, splits))
    return run


def joined(at: At, size: int, splits: int, biased: int, channels: int) -> Launch:
    """The launch that adds splits up."""
    join = JoinArgs(at["workspace"], at.get("bias"), at["out"], size, splits, biased, Divisor.of(channels))
    return Launch("join_splits", (up(size, JOIN_THREADS), 1, 1), JOIN_THREADS, 0, join)


def shared(tile: Tile, a: str, b: str) -> int:
    """Bytes of STAGES slices of A and B, whose lines run along the "depth", padded by 4, or along the "rows", by 8."""
    words = tile.M * (DEPTH + 4) if a == "depth" else DEPTH * (tile.M + 8)
    words += tile.N * (DEPTH + 4) if b == "depth" else DEPTH * (tile.N + 8)
    return 4 * STAGES * words


def in_order(M: int, N: int) -> Any:
    """Row m of the product is line m of the output."""
    return Place(1, M, N, 0, 0, 1, 1, Divisor.of(M), Divisor.of(M))


def parts(tile: Tile, blocks: int, K: int) -> int:
    """Into how many parts ``blocks`` products of depth K are split."""
    return max(min(tile.blocks * PROCESSORS // max(blocks, 1), K // (4 * DEPTH), 64), 1)


def up(n: int, by: int) -> int:
    """⌈n / by⌉."""
    return -(-n // by)
