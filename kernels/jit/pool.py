"""One pool of threads for all kernels: a free thread claims the next part of the kernel.

The calling thread publishes a kernel (function, arguments, number of parts) and works on it too. Helper threads poll for work
in machine code, without the interpreter's lock, for a short time after each kernel; then they sleep until they are woken. So
a kernel never waits for a sleeping helper, a busy core slows it only in proportion, and no other library's threads compete.

pool_code.py has the machine code and the words that the threads share.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from queue import SimpleQueue

import numpy as np

from tinygan.errors import UsageError
from tinygan.kernels.jit import cpu
from tinygan.kernels.jit.pool_code import ASLEEP, WORDS, native

LOOK = 20_000  # looks for work before sleep, a fraction of a millisecond: longer than Python takes between two kernels


class Pool:
    """The caller's thread and up to ``n`` − 1 helpers, which start with the first kernel and end at ``close``."""

    def __init__(self, n: int) -> None:
        if not 1 <= n <= cpu.MOST_THREADS:
            raise UsageError(f"kernels run on 1 to {cpu.MOST_THREADS} threads: got {n}")
        self.n = n
        self.begin()

    def begin(self) -> None:
        """Start without helpers; also in the child of a fork, whose lock may have been held by another thread."""
        self.box = np.zeros(WORDS, np.int64)
        self.address = self.box.ctypes.data
        self.lock = threading.RLock()  # the handler of a signal may come in between and run kernels too
        self.wake: SimpleQueue[None] = SimpleQueue()
        self.helpers, self.open, self.forks = 0, True, _forks

    def run(self, function: int, arguments: bytes, parts: int) -> None:
        """Run all parts. One call of machine code publishes the kernel and returns when the last part is done, so that no
        exception can interrupt it."""
        if self.forks != _forks:
            with _renewing:
                if self.forks != _forks:
                    self.begin()
        with self.lock:
            if self.helpers < self.n - 1:
                self._start()
            if asleep := int(self.box[ASLEEP]):
                for _ in range(asleep):
                    self.wake.put(None)
                native().woken(self.address, asleep)
            native().run(self.address, function, arguments, parts)

    def _start(self) -> None:
        with suppress(RuntimeError):  # no more threads for this process, or it is ending: fewer hands
            while self.open and self.helpers < self.n - 1:
                self.helpers += 1
                name = f"tinygan-{self.helpers}"
                threading.Thread(target=self._help, args=(self.helpers,), daemon=True, name=name).start()
        self.helpers = self.n - 1

    def _help(self, k: int) -> None:
        while self.open:
            native().help(self.address, k, LOOK)
            self.wake.get()

    def close(self) -> None:
        """End the helpers. Kernels still run, on the calling thread alone."""
        self.open = False
        for _ in range(self.n):
            self.wake.put(None)


_forks, _renewing = 0, threading.Lock()


def _forked() -> None:
    global _forks, _renewing
    _forks, _renewing = _forks + 1, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

_everyones = Pool(cpu.threads())  # created on import, so that a wrong number is reported before a run starts
cpu.width()  # the same for a wrong width of vectors
_pool = ContextVar("pool", default=_everyones)


def pool() -> Pool:
    """The pool in use."""
    return _pool.get()


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Run the kernels of this thread on ``n`` threads inside the block."""
    mine = Pool(n)
    token = _pool.set(mine)
    try:
        yield
    finally:
        _pool.reset(token)
        mine.close()


def run(function: int, arguments: bytes, parts: int) -> None:
    """Call function(arguments, part, thread) for every part on the pool; ``arguments`` is a block of bytes."""
    if parts > 0:
        pool().run(function, arguments, parts)


native()  # now, while one thread imports this: llvmlite writes its text with tables that two threads must not fill at once
