"""The most multiply-adds a second that the processor does from registers, float32, on all threads.

The loop holds enough independent vector accumulators to hide the latency of the multiply-add, and touches no memory. It runs
in each round of each race beside the kernels, so that a fraction of the ceiling is one of the clock of that moment.
It is LLVM IR, so that no compiler shortens it, and calls nothing of tinygan's.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from bench.race import once

LENGTH = 20e-3  # seconds of a burst, at least


class Ceiling:
    """``burst()`` does ``flop`` operations on ``threads`` threads."""

    def __init__(self, threads: int) -> None:
        self.lanes, accumulators = host()
        self.spin, self.engine = compiled(self.lanes, accumulators)
        self.pool, self.threads, self.steps = ThreadPoolExecutor(threads), threads, 1 << 10
        while min(once(self.burst) for _ in range(9)) < LENGTH:  # the least: a busy machine is not a long burst
            self.steps *= 2
        self.flop = 2.0 * self.lanes * accumulators * self.steps * threads

    def burst(self) -> None:
        list(self.pool.map(self.spin, [self.steps] * self.threads))  # ctypes lets go of the interpreter's lock


@cache
def ceiling(threads: int) -> Ceiling | None:
    """The loop, ready; None where llvmlite is missing."""
    try:
        return Ceiling(threads)
    except ImportError:
        return None


def host() -> tuple[int, int]:
    """Lanes of this host's vectors, and as many accumulators as fit beside two operands in its registers."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 24
    return (8, 12) if features.get("avx2") and features.get("fma") else (4, 12)


def compiled(lanes: int, accumulators: int) -> tuple[Any, Any]:
    """A C function of the number of steps, in each of which every accumulator a becomes 0.999 a + 1; and its owner."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2, jit=True
    )
    module = binding.parse_assembly(source(lanes, accumulators))
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(engine.get_function_address("spin")), engine


def source(lanes: int, accumulators: int) -> str:
    """The loop in LLVM IR."""
    from llvmlite import ir

    vector, i64, i32 = ir.VectorType(ir.FloatType(), lanes), ir.IntType(64), ir.IntType(32)
    module = ir.Module("ceiling")
    f = ir.Function(module, ir.FunctionType(ir.FloatType(), [i64]), "spin")
    fma = ir.Function(module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes}f32")
    before, body, after = (f.append_basic_block(name) for name in ("before", "body", "after"))
    b = ir.IRBuilder(before)
    b.branch(body)
    b.position_at_end(body)
    i = b.phi(i64)
    sums = [b.phi(vector) for _ in range(accumulators)]
    grown = [b.call(fma, [s, ir.Constant(vector, [0.999] * lanes), ir.Constant(vector, [1.0] * lanes)]) for s in sums]
    for k, (s, g) in enumerate(zip(sums, grown, strict=True)):
        s.add_incoming(ir.Constant(vector, [float(k)] * lanes), before)
        s.add_incoming(g, body)
    stepped = b.add(i, ir.Constant(i64, 1))
    i.add_incoming(ir.Constant(i64, 0), before)
    i.add_incoming(stepped, body)
    b.cbranch(b.icmp_signed("<", stepped, f.args[0]), body, after)
    b.position_at_end(after)
    total = grown[0]
    for g in grown[1:]:
        total = b.fadd(total, g)
    b.ret(b.extract_element(total, ir.Constant(i32, 0)))
    return str(module)
