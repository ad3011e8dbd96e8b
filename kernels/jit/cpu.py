"""The host CPU: vector width, cores, and LLVM's target for it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import binding

from tinygan.errors import UsageError

WIDTHS = (16, 32, 64)  # bytes of a vector: SSE and NEON, AVX2, AVX-512
MOST_THREADS = 1024
LIBRARY = ("memcpy", "memset", "sqrt")  # what compiled code may call
YIELD = "SwitchToThread" if os.name == "nt" else "sched_yield"  # what the pool may call: it offers the core to another


@cache
def width() -> int:
    """Bytes of a vector: 64 with AVX-512, 32 with AVX2, else 16; $TINYGAN_VECTOR (16, 32 or 64) overrides."""
    asked = os.environ.get("TINYGAN_VECTOR")
    if asked:
        if asked not in map(str, WIDTHS):
            raise UsageError(f"TINYGAN_VECTOR is a width in bytes, 16, 32 or 64: got {asked!r}")
        return int(asked)
    has = features()
    return 64 if has.get("avx512vl") else 32 if has.get("avx2") and has.get("fma") else 16


def threads() -> int:
    """The number of threads: $TINYGAN_THREADS, else the cores that this process may run on."""
    asked = os.environ.get("TINYGAN_THREADS")
    if not asked:
        return min(cores(), MOST_THREADS)
    if not (asked.isdecimal() and len(asked) <= 4 and 1 <= int(asked) <= MOST_THREADS):
        raise UsageError(f"TINYGAN_THREADS is a number of threads, 1 to {MOST_THREADS}: got {asked[:60]!r}")
    return int(asked)


def cores() -> int:
    """The cores of the affinity mask, or fewer where a container has a quota of their time: more threads would be halted."""
    mask = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split())
    except (OSError, ValueError):  # no such file, or no limit: "max 100000"
        return mask
    return max(1, min(mask, -(-quota // period)))


@cache
def features() -> Any:
    """The host's CPU features, name → whether it has it; empty where LLVM does not know."""
    try:
        return binding.get_host_cpu_features()
    except RuntimeError:
        return binding.FeatureMap()


def description() -> str:
    """The properties of the host that compiled code depends on."""
    return f"{binding.get_host_cpu_name()} {features().flatten()} LLVM {binding.llvm_version_info}"


@cache
def start() -> None:
    """LLVM, ready for this host; compiled code finds the functions of LIBRARY in this process."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    process = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
    system = ctypes.CDLL("kernel32") if os.name == "nt" else process
    for library, names in ((process, LIBRARY), (system, (YIELD,))):
        for name in names:
            binding.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)


def machine() -> Any:
    """LLVM's target for this host; an engine takes it over, so each has its own. Its models are Numba's."""
    start()
    target = binding.Target.from_default_triple()
    reloc = "static" if target.name.startswith("x86") else "default"
    host = {"cpu": binding.get_host_cpu_name(), "features": features().flatten()}
    return target.create_target_machine(**host, opt=3, reloc=reloc, codemodel="jitdefault", jit=True)


def load(symbols: Iterable[str], *, assembly: str = "", code: bytes | None = None) -> list[int]:
    """The addresses of ``symbols`` of a module's text or of object code, never unloaded: at exit threads may be in it."""
    engine = binding.create_mcjit_compiler(binding.parse_assembly(assembly), machine())
    if code is not None:
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    addresses = [engine.get_function_address(symbol) for symbol in symbols]
    engine.detach()
    return addresses
