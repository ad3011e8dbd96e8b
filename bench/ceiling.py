"""The ceiling: the largest rate of float32 multiply-adds from registers, on all threads.

The loop has enough independent vector accumulators to hide the latency of a multiply-add and does not access memory. It runs in
each round beside the kernels, so that fractions of the ceiling refer to the clock rate of that moment. It is written in LLVM
IR, so that no compiler shortens it, and does not use tinygan.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from bench.race import once

LENGTH = 20e-3  # minimum duration of a burst in seconds


class Ceiling:
    """``burst()`` executes ``flop`` operations on ``threads`` threads."""

    def __init__(self, threads: int) -> None:
        self.lanes, accumulators = host()
        self.spin, self.engine = compiled(self.lanes, accumulators)
        self.pool, self.threads, self.steps = ThreadPoolExecutor(threads), threads, 1 << 10
        while (
            min(once(self.burst) for _ in range(9)) < LENGTH
        ):  # the minimum, because other processes can lengthen a burst
            self.steps *= 2
        self.flop = 2.0 * self.lanes * accumulators * self.steps * threads

    def burst(self) -> None:
        list(self.pool.map(self.spin, [self.steps] * self.threads))  # ctypes releases the global interpreter lock


@cache
def ceiling(threads: int) -> Ceiling | None:
    """The compiled loop; None if llvmlite is not installed."""
    try:
        return Ceiling(threads)
    except ImportError:
        return None


def host() -> tuple[int, int]:
    """The lanes of a vector of this processor, and the number of accumulators that fit in registers beside two operands."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 24
    return (8, 12) if features.get("avx2") and features.get("fma") else (4, 12)


def compiled(lanes: int, accumulators: int) -> tuple[Any, Any]:
    """A C function of the number of steps, and its engine. Each step replaces every accumulator a by 0.999 a + 1."""
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
