"""Arrays on memory that is used again.

A large fresh array costs a page fault every 4 KiB, about 0.25 ms a MiB: as much as the kernel that fills it. ``empty`` gives
an ordinary array whose memory returns to a store when the last view of it is gone.
"""

import math
import os
import threading

import numpy as np

SMALL = 1 << 16  # bytes: below, malloc does not go to the system
KEPT = 1 << 29  # bytes that wait in the store at most
ALIGN = 64


class Store:
    """Pieces of memory by size; when they are too many those go whose size was not asked for longest.

    Nobody ever waits for it: who comes while it is busy (another thread, or a collection in the middle of it that brings
    memory back) gets fresh memory, or leaves theirs to the system.
    """

    def __init__(self, most=KEPT):
        self.most = most
        self.begin()

    def begin(self):
        """Empty: in the child of a fork too, which perhaps has a lock that another thread held."""
        self.free, self.kept, self.lock = {}, 0, threading.Lock()

    def take(self, size):
        if self.lock.acquire(blocking=False):
            try:
                pieces = self.free.pop(size, None)
                if pieces:
                    self.free[size] = pieces  # the newest of the sizes
                    self.kept -= size
                    return pieces.pop()
            finally:
                self.lock.release()
        return np.empty(size, np.uint8)

    def put(self, raw):
        size = raw.size
        if size <= self.most and self.lock.acquire(blocking=False):
            try:
                self.free.setdefault(size, []).append(raw)
                self.kept += size
                while self.kept > self.most:
                    oldest = next(iter(self.free))
                    if self.free[oldest]:
                        self.free[oldest].pop()
                        self.kept -= oldest
                    else:
                        del self.free[oldest]
            finally:
                self.lock.release()


STORE = Store()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=STORE.begin)


class Block:
    """The owner of one piece of memory: NumPy holds it as the base of arrays on it."""

    def __init__(self, raw, shape, dtype):
        start = raw.ctypes.data
        self.raw = raw
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (start + -start % ALIGN, False),
        }

    def __del__(self, put=STORE.put):  # held here: when the interpreter ends, the names of this module go first
        put(self.raw)


def empty(shape, dtype):
    """np.empty(shape, dtype), on used memory where it is large."""
    dtype, shape = np.dtype(dtype), tuple(map(int, shape))
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    return np.asarray(Block(STORE.take(room(size + ALIGN)), shape, dtype))


def room(size):
    """The next size of which there are four between powers of two: at most a quarter goes unused."""
    step = 1 << max(size.bit_length() - 3, 12)
    return -(-size // step) * step
