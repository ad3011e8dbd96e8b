"""The pool's machine code: four functions without locks on ``box``, an array of words of 64 bits.

``run`` publishes a kernel and works; ``work`` claims parts and does them; ``help`` is a helper's life until it goes to sleep;
``woken`` counts helpers that were woken. Each word that threads write at the same time has a cache line of its own.

    word       written by                 order     read by                      order     meaning
    CLAIMS     run: a new kernel          seq_cst   work, run, help: each look   acquire   generation << 32 | parts
               work: one part less        acq_rel   help: before it sleeps       seq_cst   that nobody has claimed
    DONE       run: zero                  release   run: until all are done      acquire   parts that are done
               work: one part more        acq_rel
    FUNCTION   run, before CLAIMS         plain     work, after a claim          plain     address of the kernel
    ARGUMENTS  run, before CLAIMS         plain     work, after a claim          plain     address of its block
    ASLEEP     help: one more             seq_cst   Pool.run, to wake them       plain     helpers that sleep
               woken: n fewer             seq_cst

Why it is right:

* The generation and the parts left are one word, so a late helper cannot claim a part of another kernel: its exchange fails.
* FUNCTION and ARGUMENTS are stored before CLAIMS is, and loaded after a part was claimed from it. The next kernel begins when
  all parts of this one are done, so whoever has claimed a part reads the words of its own kernel.
* A helper counts itself in ASLEEP and looks at CLAIMS once more, both seq_cst. If it falls asleep while a kernel begins, that
  kernel has fewer hands, and the next one wakes it.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from types import SimpleNamespace
from typing import Any

from llvmlite import ir

from tinygan.kernels.jit import cpu

CLAIMS, DONE, FUNCTION, ARGUMENTS, ASLEEP = 0, 8, 16, 17, 24  # eight words are a cache line
WORDS = 40  # of a box
PARTS = 2**32 - 1  # the bits of CLAIMS that count parts
PATIENCE = 4096  # looks before the core is offered to another thread, once in so many: helpers may be more than cores

WORD, VOID = ir.IntType(64), ir.VoidType()
POINTER = WORD.as_pointer()
KERNEL = ir.FunctionType(VOID, [POINTER, WORD, WORD])


@cache
def native() -> SimpleNamespace:
    """The functions of this module, to be called; ctypes lets go of the interpreter's lock around them."""
    word = ctypes.c_int64
    kinds = {"run": (word, word, ctypes.c_char_p, word), "help": (word, word, word), "woken": (word, word)}
    found = zip(kinds.items(), cpu.load(kinds, assembly=assembly()), strict=True)
    return SimpleNamespace(**{name: ctypes.CFUNCTYPE(None, *kind)(address) for (name, kind), address in found})


def assembly() -> str:
    """The text of the module."""
    module = ir.Module("pool")
    ir.Function(module, ir.FunctionType(ir.IntType(32), []), cpu.YIELD)
    for build in (build_work, build_run, build_help, build_woken):
        build(module)
    return str(module)


# ---------------------------------------------------------------- the four functions


def build_work(module: Any) -> None:
    """work(box, thread): do parts until none is left.

    while (seen = load(CLAIMS)) has parts left:
        if compare_exchange(CLAIMS, seen, seen - 1):    # the part is ours
            FUNCTION(ARGUMENTS, left - 1, thread)
            DONE += 1
    """
    b, (box, thread) = function(module, "work", 2)
    claims = word(b, box, CLAIMS)
    look, claim, mine, done = (b.append_basic_block(n) for n in ("look", "claim", "mine", "done"))
    b.branch(look)
    b.position_at_end(look)
    seen = b.load_atomic(claims, "acquire", 8)
    left = b.and_(seen, k(PARTS))
    b.cbranch(b.icmp_unsigned("==", left, k(0)), done, claim)
    b.position_at_end(claim)
    swap = b.cmpxchg(claims, seen, b.sub(seen, k(1)), "acq_rel", "acquire")
    b.cbranch(b.extract_value(swap, 1), mine, look)
    b.position_at_end(mine)
    kernel = b.inttoptr(b.load(word(b, box, FUNCTION)), KERNEL.as_pointer())
    b.call(kernel, [b.inttoptr(b.load(word(b, box, ARGUMENTS)), POINTER), b.sub(left, k(1)), thread])
    b.atomic_rmw("add", word(b, box, DONE), k(1), "acq_rel")
    b.branch(look)
    b.position_at_end(done)
    b.ret_void()


def build_run(module: Any) -> None:
    """run(box, function, arguments, parts): publish a kernel, work, and wait for the parts that others have claimed.

    FUNCTION, ARGUMENTS, DONE = function, arguments, 0
    generation = (load(CLAIMS) >> 32) + 1
    CLAIMS = generation << 32 | parts
    work(box, 0)
    while load(DONE) != parts: rest
    """
    b, (box, address, arguments, parts) = function(module, "run", 4)
    claims, finished = word(b, box, CLAIMS), word(b, box, DONE)
    b.store(address, word(b, box, FUNCTION))
    b.store(arguments, word(b, box, ARGUMENTS))
    b.store_atomic(k(0), finished, "release", 8)
    generation = b.add(b.lshr(b.load_atomic(claims, "acquire", 8), k(32)), k(1))
    b.store_atomic(b.or_(b.shl(generation, k(32)), parts), claims, "seq_cst", 8)
    b.call(module.get_global("work"), [box, k(0)])
    start = b.block
    wait, again, done = (b.append_basic_block(n) for n in ("wait", "again", "done"))
    b.branch(wait)
    b.position_at_end(wait)
    looked = b.phi(WORD)
    looked.add_incoming(k(0), start)
    b.cbranch(b.icmp_unsigned("==", b.load_atomic(finished, "acquire", 8), parts), done, again)
    b.position_at_end(again)
    rest(module, b, looked)
    looked.add_incoming(b.add(looked, k(1)), b.block)
    b.branch(wait)
    b.position_at_end(done)
    b.ret_void()


def build_help(module: Any) -> None:
    """help(box, thread, looks): work; after ``looks`` looks that found nothing, go to sleep, that is return.

    looked = 0
    repeat:
        if parts are left: work(box, thread); looked = 0
        else: rest; looked += 1
        if looked == looks:
            ASLEEP += 1
            if no parts are left: return
            looked = 0    # it stays counted: one later wake-up finds it awake
    """
    b, (box, thread, looks) = function(module, "help", 3)
    claims, asleep = word(b, box, CLAIMS), word(b, box, ASLEEP)
    start = b.block
    top, busy, idle, sleep, done = (b.append_basic_block(n) for n in ("top", "busy", "idle", "sleep", "done"))
    b.branch(top)
    b.position_at_end(top)
    looked = b.phi(WORD)
    looked.add_incoming(k(0), start)
    b.cbranch(some_left(b, claims, "acquire"), busy, idle)
    b.position_at_end(busy)
    b.call(module.get_global("work"), [box, thread])
    looked.add_incoming(k(0), busy)
    b.branch(top)
    b.position_at_end(idle)
    rest(module, b, looked)
    more = b.add(looked, k(1))
    looked.add_incoming(more, b.block)
    b.cbranch(b.icmp_unsigned("<", more, looks), top, sleep)
    b.position_at_end(sleep)
    b.atomic_rmw("add", asleep, k(1), "seq_cst")
    looked.add_incoming(k(0), sleep)
    b.cbranch(some_left(b, claims, "seq_cst"), top, done)
    b.position_at_end(done)
    b.ret_void()


def build_woken(module: Any) -> None:
    """woken(box, n): ASLEEP −= n."""
    b, (box, n) = function(module, "woken", 2)
    b.atomic_rmw("sub", word(b, box, ASLEEP), n, "seq_cst")
    b.ret_void()


# ---------------------------------------------------------------- what they are written with


def function(module: Any, name: str, arguments: int) -> Any:
    """A builder at the beginning of a function of so many words, and its arguments."""
    f = ir.Function(module, ir.FunctionType(VOID, [WORD] * arguments), name)
    return ir.IRBuilder(f.append_basic_block()), f.args


def k(n: int) -> Any:
    return ir.Constant(WORD, n)


def word(b: Any, box: Any, i: int) -> Any:
    """The address of a word of the box."""
    return b.gep(b.inttoptr(box, POINTER), [k(i)])


def some_left(b: Any, claims: Any, order: str) -> Any:
    """Whether there are parts that nobody has claimed."""
    return b.icmp_unsigned("!=", b.and_(b.load_atomic(claims, order, 8), k(PARTS)), k(0))


def rest(module: Any, b: Any, looked: Any) -> None:
    """A moment; once in PATIENCE looks the core is offered to another thread."""
    b.call(ir.InlineAsm(ir.FunctionType(VOID, []), pause(), "~{memory}", side_effect=True), [])
    with b.if_then(b.icmp_unsigned("==", b.urem(looked, k(PATIENCE)), k(PATIENCE - 1)), likely=False):
        b.call(module.get_global(cpu.YIELD), [])


def pause() -> str:
    """The machine's hint that this is a waiting loop, where it has one."""
    machine = platform.machine().lower()
    return "pause" if machine in ("x86_64", "amd64", "i686") else "isb" if machine in ("aarch64", "arm64") else ""
