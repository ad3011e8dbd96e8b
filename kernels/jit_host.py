"""What machine this is: its vectors, its cores, and LLVM's target for it."""

import ctypes
import os
from functools import cache

from llvmlite import binding

from tinygan.errors import UsageError

WIDTHS = (16, 32, 64)  # bytes of a vector: SSE and NEON, AVX2, AVX-512
LIBRARY = ("memcpy", "memset", "exp", "expm1", "log1p", "tanh")  # what compiled code may call


@cache
def width():
    """Bytes of a vector: 64 with AVX-512, 32 with AVX2, else 16; $TINYGAN_VECTOR (16, 32 or 64) overrides."""
    asked = os.environ.get("TINYGAN_VECTOR")
    if asked is not None:
        if asked not in map(str, WIDTHS):
            raise UsageError(f"TINYGAN_VECTOR is a width in bytes, 16, 32 or 64: got {asked!r}")
        return int(asked)
    has = binding.get_host_cpu_features()
    return 64 if has.get("avx512vl") else 32 if has.get("avx2") and has.get("fma") else 16


def threads():
    """How many threads work: $TINYGAN_THREADS, else the cores that this process may run on."""
    asked = os.environ.get("TINYGAN_THREADS")
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (asked.isdecimal() and 1 <= int(asked) <= 1024):
        raise UsageError(f"TINYGAN_THREADS is a number of threads, 1 to 1024: got {asked!r}")
    return int(asked)


def description():
    """What compiled code depends on besides its source."""
    return f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()} LLVM {binding.llvm_version_info}"


@cache
def start():
    """LLVM, ready for this host; compiled code finds the functions of LIBRARY in this process."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    process = ctypes.CDLL(None)
    for name in LIBRARY:
        binding.add_symbol(name, ctypes.cast(getattr(process, name), ctypes.c_void_p).value)


def machine():
    """LLVM's target for this host; an engine takes it over, so each has its own."""
    start()
    features = binding.get_host_cpu_features().flatten()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=3, reloc="static", codemodel="large", jit=True
    )


def engine(assembly=""):
    """An engine with a module's text compiled into it."""
    return binding.create_mcjit_compiler(binding.parse_assembly(assembly), machine())
