"""One pool of threads for every kernel: parts of a kernel are claimed one by one by whoever is free.

The caller publishes (function, arguments, number of parts) and works too; helpers are threads that look for work in machine
code without the interpreter's lock for a while after each kernel, then sleep until woken. So a kernel never waits for
a sleeping helper, a busy core slows it in proportion only, and no other library's threads spin against it.

    box[0]   generation << 32 | parts unclaimed: one word, so that a late helper cannot claim a part of another kernel
    box[8]   parts done
    box[16:] function, arguments
    box[24]  helpers asleep

Function and arguments are written before the word is stored, and read after a part was claimed from it; the next kernel
begins when all parts of this one are done, so whoever has claimed one reads those of its own kernel. A helper that counts
itself asleep while a kernel begins may miss that one kernel, which then has fewer hands; the next one wakes it.
"""

import ctypes
import os
import platform
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from queue import SimpleQueue
from types import SimpleNamespace

import numpy as np
from llvmlite import ir

from tinygan.errors import UsageError
from tinygan.kernels.jit import cpu

LOOK = 20_000  # looks for work before sleep, a fraction of a millisecond: longer than Python takes between two kernels
PATIENCE = 4096  # looks before the core is offered to another thread, once in so many: helpers may be more than cores


class Pool:
    """The caller's thread and up to ``n`` − 1 helpers, which start with the first kernel and end at ``close``."""

    def __init__(self, n):
        if not 1 <= n <= cpu.MOST_THREADS:
            raise UsageError(f"kernels run on 1 to {cpu.MOST_THREADS} threads: got {n}")
        self.n = n
        self.begin()

    def begin(self):
        """As new: in the child of a fork too, which has no helpers and perhaps a lock that another thread held."""
        self.box = np.zeros(40, np.int64)
        self.address = self.box.ctypes.data
        self.lock = threading.RLock()  # the handler of a signal may come in between and run kernels too
        self.wake = SimpleQueue()
        self.helpers, self.open, self.forks = 0, True, _forks

    def run(self, function, arguments, parts):
        """All parts; the machine code is one call from publishing to the last part done, so nothing can break in."""
        if self.forks != _forks:
            with _renewing:
                if self.forks != _forks:
                    self.begin()
        with self.lock:
            if self.helpers < self.n - 1:
                self._start()
            if asleep := int(self.box[24]):
                for _ in range(asleep):
                    self.wake.put(None)
                native().woken(self.address, asleep)
            native().run(self.address, function, arguments, parts)

    def _start(self):
        with suppress(RuntimeError):  # no more threads for this process, or it is ending: fewer hands
            while self.open and self.helpers < self.n - 1:
                self.helpers += 1
                name = f"tinygan-{self.helpers}"
                threading.Thread(target=self._help, args=(self.helpers,), daemon=True, name=name).start()
        self.helpers = self.n - 1

    def _help(self, k):
        while self.open:
            native().help(self.address, k, LOOK)
            self.wake.get()

    def close(self):
        """The helpers end; kernels still run, on the caller's thread."""
        self.open = False
        for _ in range(self.n):
            self.wake.put(None)


_forks, _renewing = 0, threading.Lock()


def _forked():
    global _forks, _renewing
    _forks, _renewing = _forks + 1, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

_everyones = Pool(cpu.threads())  # here, so that a wrong number is told before a run begins
_pool = ContextVar("pool", default=_everyones)


def pool():
    """The pool in use."""
    return _pool.get()


@contextmanager
def threads(n):
    """Run the kernels of this thread on ``n`` threads inside the block."""
    mine = Pool(n)
    token = _pool.set(mine)
    try:
        yield
    finally:
        _pool.reset(token)
        mine.close()


def run(function, arguments, parts):
    """Call function(arguments, part, thread) for every part on the pool; ``arguments`` is a block of bytes."""
    if parts > 0:
        pool().run(function, arguments, parts)


@cache
def native():
    """The functions above that run outside the interpreter; ctypes lets go of its lock around them."""
    word = ctypes.c_int64
    kinds = {"run": (word, word, ctypes.c_char_p, word), "help": (word, word, word), "woken": (word, word)}
    found = zip(kinds.items(), cpu.load(kinds, assembly=_assembly()), strict=True)
    return SimpleNamespace(**{name: ctypes.CFUNCTYPE(None, *kind)(address) for (name, kind), address in found})


def _assembly():
    word, void = ir.IntType(64), ir.VoidType()
    pointer = word.as_pointer()
    kernel = ir.FunctionType(void, [pointer, word, word])
    module = ir.Module("pool")
    low = ir.Constant(word, 2**32 - 1)

    def k(n):
        return ir.Constant(word, n)

    def begin(name, arguments):
        f = ir.Function(module, ir.FunctionType(void, arguments), name)
        b = ir.IRBuilder(f.append_basic_block())
        return b, f.args

    def slot(b, box, i):
        return b.gep(b.inttoptr(box, pointer), [k(i)])

    pause = ir.InlineAsm(ir.FunctionType(void, []), _pause(), "~{memory}", side_effect=True)
    offer = ir.Function(module, ir.FunctionType(ir.IntType(32), []), cpu.YIELD)

    def rest(b, looked):
        """A moment; now and then the core is another's."""
        b.call(pause, [])
        with b.if_then(b.icmp_unsigned("==", b.urem(looked, k(PATIENCE)), k(PATIENCE - 1)), likely=False):
            b.call(offer, [])

    # work(box, thread): claim and do parts until none is left
    b, (box, thread) = begin("work", [word, word])
    claims = slot(b, box, 0)
    look, claim, mine, done = (b.append_basic_block(n) for n in ("look", "claim", "mine", "done"))
    b.branch(look)
    b.position_at_end(look)
    seen = b.load_atomic(claims, "acquire", 8)
    left = b.and_(seen, low)
    b.cbranch(b.icmp_unsigned("==", left, k(0)), done, claim)
    b.position_at_end(claim)
    swap = b.cmpxchg(claims, seen, b.sub(seen, k(1)), "acq_rel", "acquire")
    b.cbranch(b.extract_value(swap, 1), mine, look)
    b.position_at_end(mine)
    f = b.inttoptr(b.load(slot(b, box, 16)), kernel.as_pointer())
    b.call(f, [b.inttoptr(b.load(slot(b, box, 17)), pointer), b.sub(left, k(1)), thread])
    b.atomic_rmw("add", slot(b, box, 8), k(1), "acq_rel")
    b.branch(look)
    b.position_at_end(done)
    b.ret_void()
    work = module.get_global("work")

    # run(box, function, arguments, parts): publish, work, wait for the parts that others have claimed
    b, (box, f, arguments, parts) = begin("run", [word] * 4)
    claims, finished = slot(b, box, 0), slot(b, box, 8)
    b.store(f, slot(b, box, 16))
    b.store(arguments, slot(b, box, 17))
    b.store_atomic(k(0), finished, "release", 8)
    generation = b.add(b.lshr(b.load_atomic(claims, "acquire", 8), k(32)), k(1))
    b.store_atomic(b.or_(b.shl(generation, k(32)), parts), claims, "seq_cst", 8)
    b.call(work, [box, k(0)])
    start = b.block
    wait, again, done = (b.append_basic_block(n) for n in ("wait", "again", "done"))
    b.branch(wait)
    b.position_at_end(wait)
    looked = b.phi(word)
    looked.add_incoming(k(0), start)
    b.cbranch(b.icmp_unsigned("==", b.load_atomic(finished, "acquire", 8), parts), done, again)
    b.position_at_end(again)
    rest(b, looked)
    looked.add_incoming(b.add(looked, k(1)), b.block)
    b.branch(wait)
    b.position_at_end(done)
    b.ret_void()

    # help(box, thread, looks): work; when nothing has come for ``looks`` looks, count as asleep, look once more and return
    b, (box, thread, looks) = begin("help", [word] * 3)
    claims, asleep = slot(b, box, 0), slot(b, box, 24)
    start = b.block
    top, busy, idle, sleep, done = (b.append_basic_block(n) for n in ("top", "busy", "idle", "sleep", "done"))
    b.branch(top)
    b.position_at_end(top)
    looked = b.phi(word)
    looked.add_incoming(k(0), start)
    some = b.icmp_unsigned("!=", b.and_(b.load_atomic(claims, "acquire", 8), low), k(0))
    b.cbranch(some, busy, idle)
    b.position_at_end(busy)
    b.call(work, [box, thread])
    looked.add_incoming(k(0), busy)
    b.branch(top)
    b.position_at_end(idle)
    rest(b, looked)
    more = b.add(looked, k(1))
    looked.add_incoming(more, b.block)
    b.cbranch(b.icmp_unsigned("<", more, looks), top, sleep)
    b.position_at_end(sleep)
    b.atomic_rmw("add", asleep, k(1), "seq_cst")
    some = b.icmp_unsigned("!=", b.and_(b.load_atomic(claims, "seq_cst", 8), low), k(0))
    looked.add_incoming(k(0), sleep)
    b.cbranch(some, top, done)
    b.position_at_end(done)
    b.ret_void()

    # woken(box, n): n fewer are asleep
    b, (box, n) = begin("woken", [word] * 2)
    b.atomic_rmw("sub", slot(b, box, 24), n, "seq_cst")
    b.ret_void()
    return str(module)


def _pause():
    """A hint that this is a waiting loop, where there is one."""
    machine = platform.machine().lower()
    return "pause" if machine in ("x86_64", "amd64", "i686") else "isb" if machine in ("aarch64", "arm64") else ""


native()  # now, while one thread imports this: llvmlite writes its text with tables that two threads must not fill at once
