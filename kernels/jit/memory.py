"""Arrays on recycled memory.

A large fresh array costs a page fault every 4 KiB, about 0.25 ms a MiB: as much as the kernel that fills it. ``empty`` gives
an ordinary array whose memory returns to a store when the last view of it is gone.
"""

from __future__ import annotations

import math
import mmap
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from tinygan.kernels.shapes import Array, Shape

SMALL = 1 << 16  # bytes: below, malloc does not go to the system
KEPT = 1 << 29  # bytes that wait in the store at most
ALIGN = 64
SPARE = 2


def fresh(size: int) -> Array:
    """Memory from the operating system, which gets all of it back: malloc would keep freed memory."""
    own = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}  # after a fork too
    try:
        return np.frombuffer(mmap.mmap(-1, size, **own), np.uint8)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"{size / 2**20:.0f} MiB") from error


class Store:
    """Free pieces of memory by size. When there are too many, the size that was requested longest ago is freed first.

    What comes back waits in ``returned`` until the next is asked for. Nobody ever waits for the store: who comes while
    another thread is in it gets fresh memory.
    """

    def __init__(self, most: int = KEPT) -> None:
        self.most = most
        self.returned: deque[Array] = deque()
        self.put = self.returned.append
        self.begin()

    def begin(self) -> None:
        """Start empty; also in the child of a fork, whose lock may have been held by another thread."""
        self.free: dict[int, list[Array]] = {}
        self.kept, self.lock = 0, threading.Lock()
        self.returned.clear()

    def take(self, size: int) -> Array:
        if self.lock.acquire(blocking=False):
            try:
                self.collect()
                fits = min((n for n, pieces in self.free.items() if pieces and size <= n <= SPARE * size), default=None)
                if fits:
                    pieces = self.free[fits] = self.free.pop(fits)  # the newest of the sizes
                    self.kept -= fits
                    return pieces.pop()
            finally:
                self.lock.release()
        return fresh(size)

    def collect(self) -> None:
        """Sort returned pieces by size, and keep ``most`` bytes."""
        while self.returned:
            raw = self.returned.popleft()
            if raw.size <= self.most:
                self.free.setdefault(raw.size, []).append(raw)
                self.kept += raw.size
        while self.kept > self.most:
            oldest = next(iter(self.free))
            if self.free[oldest]:
                self.free[oldest].pop()
                self.kept -= oldest
            else:
                del self.free[oldest]


class Scratch:
    """One piece of memory for temporary arrays of an operation, as large as the largest request so far."""

    def __init__(self) -> None:
        self.raw: deque[Array] = deque(maxlen=1)
        self.put = self.raw.append

    def take(self, size: int) -> Array:
        try:
            raw = self.raw.pop()  # atomic: two threads never have the same piece
        except IndexError:
            return fresh(size)
        return raw if raw.size >= size else fresh(size)


STORE, SCRATCH = Store(), Scratch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=STORE.begin)


class Block:
    """The owner of one piece of memory, which goes to ``put`` at the end: NumPy holds it as the base of arrays on it.

    Its finaliser is a call without Python code: so Ctrl-C is not lost in it, no collection comes in between, and none of
    this module's names need be there when the interpreter ends.
    """

    __slots__ = ("__array_interface__", "__del__")

    def __init__(self, raw: Array, put: Callable[[Array], None], shape: Shape, dtype: np.dtype[Any]) -> None:
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (raw.ctypes.data, False),
        }
        self.__del__ = partial(put, raw)


def empty(shape: Iterable[int], dtype: Any) -> Array:
    """np.empty(shape, dtype); a large array is placed on recycled memory."""
    dtype, shape = np.dtype(dtype), tuple(map(int, shape))
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    return np.asarray(Block(STORE.take(room(size)), STORE.put, shape, dtype))


def workspace(dtype: Any, *counts: int) -> list[Array]:
    """Temporary arrays with ``counts`` numbers each, side by side on one piece of memory, for one operation."""
    dtype = np.dtype(dtype)
    step = ALIGN // dtype.itemsize
    sizes = [-(-n // step) * step for n in counts]
    raw = SCRATCH.take(sum(sizes) * dtype.itemsize + ALIGN)
    whole = np.asarray(Block(raw, SCRATCH.put, (sum(sizes),), dtype))
    ends = np.cumsum(sizes)
    return [whole[end - size : end - size + n] for n, size, end in zip(counts, sizes, ends, strict=True)]


def room(size: int) -> int:
    """The size of the piece for ``size`` bytes, of which there are two between powers of two.

    A power of two goes into the next one, where weights of about that size go too; pages that nobody writes to cost nothing.
    """
    step = 1 << max(size.bit_length() - 2, 12)
    return (size // step + 1) * step
