"""One pool of threads for every kernel: parts of a kernel are claimed one by one by whoever is free.

The caller publishes (function, arguments, number of parts) and works too; helpers are threads that look for work in machine
code without the interpreter's lock for a while after each kernel, then sleep until woken. So a kernel never waits for
a sleeping helper, a busy core slows it in proportion only, and no other library's threads spin against it.

The machine code, and the words through which threads speak to each other, are in pool_code.py.
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
        """As new: in the child of a fork too, which has no helpers and perhaps a lock that another thread held."""
        self.box = np.zeros(WORDS, np.int64)
        self.address = self.box.ctypes.data
        self.lock = threading.RLock()  # the handler of a signal may come in between and run kernels too
        self.wake: SimpleQueue[None] = SimpleQueue()
        self.helpers, self.open, self.forks = 0, True, _forks

    def run(self, function: int, arguments: bytes, parts: int) -> None:
        """All parts; the machine code is one call from publishing to the last part done, so nothing can break in."""
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
        """The helpers end; kernels still run, on the caller's thread."""
        self.open = False
        for _ in range(self.n):
            self.wake.put(None)


_forks, _renewing = 0, threading.Lock()


def _forked() -> None:
    global _forks, _renewing
    _forks, _renewing = _forks + 1, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

_everyones = Pool(cpu.threads())  # here, so that a wrong number is told before a run begins
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
