"""Arrays on memory that is used again.

A large fresh array costs a page fault every 4 KiB, about 0.25 ms a MiB: as much as the kernel that fills it. ``empty`` gives
an ordinary array whose memory returns to a store when the last view of it is gone.
"""

import threading

import numpy as np

SMALL = 1 << 16  # bytes: below, malloc does not go to the system
KEPT = 1 << 29  # bytes that wait in the store at most
ALIGN = 64


class Block:
    """The owner of one piece of memory: NumPy holds it as the base of arrays on it."""

    def __init__(self, raw, shape, dtype):
        self.raw = raw
        start = raw.ctypes.data
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (start + -start % ALIGN, False),
        }

    def __del__(self):
        STORE.put(self.raw)


class Store:
    """Pieces of memory by size (a power of two, or one and a half), newest first."""

    def __init__(self):
        self.free, self.kept, self.lock = {}, 0, threading.RLock()  # a collection inside ``put`` may call ``put``

    def take(self, size):
        with self.lock:
            pieces = self.free.get(size)
            if pieces:
                self.kept -= size
                return pieces.pop()
        return np.empty(size, np.uint8)

    def put(self, raw):
        with self.lock:
            if self.kept + raw.size <= KEPT:
                self.free.setdefault(raw.size, []).append(raw)
                self.kept += raw.size


STORE = Store()


def empty(shape, dtype):
    """np.empty(shape, dtype), on used memory where it is large."""
    dtype = np.dtype(dtype)
    count = 1
    for n in shape:
        count *= n
    size = count * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    return np.asarray(Block(STORE.take(room(size + ALIGN)), tuple(map(int, shape)), dtype))


def room(size):
    """The next size of which there are four between powers of two: at most a quarter goes unused."""
    step = 1 << max(size.bit_length() - 3, 12)
    return -(-size // step) * step
