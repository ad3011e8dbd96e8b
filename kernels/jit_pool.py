"""One pool of threads for every kernel: parts of a kernel are claimed one by one by whoever is free.

The caller publishes (function, arguments, number of parts) and works too; helpers are threads that look for work in machine
code without the interpreter's lock for a while after each kernel, then sleep until woken. So a kernel never waits for
a sleeping helper, a busy core slows it in proportion only, and no other library's threads spin against it.

    box[0]   generation << 32 | parts unclaimed: one word, so that a late helper cannot claim a part of another kernel
    box[8]   parts done
    box[16:] function, arguments
    box[24]  helpers asleep
"""

import ctypes
import os
import threading
from contextlib import contextmanager
from functools import cache

import numpy as np
from llvmlite import ir

from tinygan.kernels import jit_host

LOOK = 20_000  # looks for work before sleep, a fraction of a millisecond: longer than Python takes between two kernels


class Pool:
    """The caller's thread and ``n`` − 1 helpers, which end when the pool is no longer the one in use."""

    def __init__(self, n):
        self.n = n
        self.box = np.zeros(40, np.int64)
        self.address = self.box.ctypes.data
        self.lock, self.wake = threading.Lock(), threading.Semaphore(0)
        self.open = True
        for k in range(1, n):
            threading.Thread(target=self._help, args=(k,), daemon=True, name=f"tinygan-{k}").start()

    def run(self, function, arguments, parts):
        with self.lock:
            if self.box[24] and (asleep := native().wake(self.address)):
                self.wake.release(asleep)
            native().run(self.address, function, arguments, parts)

    def _help(self, k):
        while self.open:
            native().help(self.address, k, LOOK)
            self.wake.acquire()

    def close(self):
        self.open = False
        for _ in range(self.n):
            self.wake.release()


_pool = None


def pool():
    """The pool in use; made at the first kernel of a process, and again after a fork, which copies no threads."""
    global _pool
    if _pool is None:
        _pool = Pool(jit_host.threads())
    return _pool


def _forget():
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def threads(n):
    """Run kernels on ``n`` threads inside the block."""
    global _pool
    before, _pool = _pool, Pool(n)
    try:
        yield
    finally:
        _pool.close()
        _pool = before


def run(function, arguments, parts):
    """Call function(…, arguments, part, thread) for every part on the pool; ``arguments`` is a block of bytes."""
    if parts > 0:
        pool().run(function, arguments, parts)


# ---------------------------------------------------------------- machine code


@cache
def native():
    """The functions above that run outside the interpreter; ctypes lets go of its lock around them."""
    engine = jit_host.engine(_assembly())
    engine.finalize_object()

    def function(name, *arguments, result=None):
        f = ctypes.CFUNCTYPE(result, *arguments)(engine.get_function_address(name))
        f.engine = engine  # it owns the code
        return f

    word = ctypes.c_int64

    class Native:
        run = staticmethod(function("run", word, word, ctypes.c_char_p, word))
        help = staticmethod(function("help", word, word, word))
        wake = staticmethod(function("wake", word, result=word))

    return Native


def _assembly():
    word, void = ir.IntType(64), ir.VoidType()
    pointer = word.as_pointer()
    kernel = ir.FunctionType(ir.IntType(32), [pointer, pointer, pointer, word, word])
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

    # work(box, thread): claim and do parts until none is left
    b, (box, thread) = begin("work", [word, word])
    claims, nothing = slot(b, box, 0), b.alloca(word)
    error = b.alloca(word)
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
    b.call(f, [nothing, error, b.inttoptr(b.load(slot(b, box, 17)), pointer), b.sub(left, k(1)), thread])
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
    wait, again, done = (b.append_basic_block(n) for n in ("wait", "again", "done"))
    b.branch(wait)
    b.position_at_end(wait)
    b.cbranch(b.icmp_unsigned("==", b.load_atomic(finished, "acquire", 8), parts), done, again)
    b.position_at_end(again)
    b.call(pause, [])
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
    b.call(pause, [])
    more = b.add(looked, k(1))
    looked.add_incoming(more, idle)
    b.cbranch(b.icmp_unsigned("<", more, looks), top, sleep)
    b.position_at_end(sleep)
    b.atomic_rmw("add", asleep, k(1), "seq_cst")
    some = b.icmp_unsigned("!=", b.and_(b.load_atomic(claims, "seq_cst", 8), low), k(0))
    looked.add_incoming(k(0), sleep)
    b.cbranch(some, top, done)
    b.position_at_end(done)
    b.ret_void()

    # wake(box): how many have counted as asleep since the last call
    f = ir.Function(module, ir.FunctionType(word, [word]), "wake")
    b = ir.IRBuilder(f.append_basic_block())
    b.ret(b.atomic_rmw("xchg", slot(b, f.args[0], 24), k(0), "seq_cst"))
    return str(module)


def _pause():
    """A hint that this is a waiting loop, where there is one."""
    import platform

    machine = platform.machine().lower()
    return "pause" if machine in ("x86_64", "amd64", "i686") else "yield" if machine in ("aarch64", "arm64") else ""
