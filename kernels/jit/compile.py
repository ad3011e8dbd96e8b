"""From a Python function to machine code: compiled by Numba at the first use, cached on disk, run on all threads.

A kernel is written as a function of a ``Vector`` (and static choices) that returns the loop to compile:

    @kernel
    def double(v):
        def run(part, thread, x: Reals, n: Int): ...
        return run

``double(v, parts, x, n)`` runs parts 0 … parts − 1 on the threads of the pool. Arguments are contiguous arrays of
the vector's dtype (``Reals``), of int64 (``Ints``), numbers (``Int``, ``Real``). A kernel of more than FEW arguments takes one
block instead, a NamedTuple whose fields have these kinds. It is filled by name, since two arguments in the wrong order
would be a wrong address; Numba passes its fields one by one, so a block costs nothing.

A kernel's results may depend on ``part``, never on ``thread``, which is for scratch memory: so they do not depend on how
many threads there are.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import struct
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from llvmlite import binding, ir
from numba import __version__ as numba_version
from numba.core import compiler, config, types
from numba.core.codegen import AOTCPUCodegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.cpu_options import FastMathOptions
from numba.core.registry import cpu_target

from tinygan.kernels.cache import cache_folder, compiled
from tinygan.kernels.jit import cpu, pool
from tinygan.kernels.jit.vector import Vector, integer

OLD = 30 * 24 * 3600
FEW = 8  # arguments of a kernel without a block
# The kinds of arguments, as annotations
Reals = Annotated[np.ndarray, "contiguous, of the vector's dtype"]
Ints = Annotated[np.ndarray, "contiguous, of int64"]
Int = Annotated[int, "int64"]
Real = Annotated[float, "of the vector's dtype"]
# Numba's settings, of the user's environment, that reach the optimiser
CHOICES = "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "CPU_NAME", "CPU_FEATURES"
Loop = Callable[..., None]  # run(part, thread, ...)
KINDS = {Reals: "q", Ints: "q", Int: "q", Real: "d"}


class Kernel:
    """The kernel that ``build(vector, *static)`` returns, for each vector and static choice a machine function."""

    def __init__(self, build: Callable[..., Any]) -> None:
        self.build = build
        self.__doc__ = build.__doc__
        self.compiled = cache(self._compiled)

    def __call__(self, v: Vector, parts: int, *args: Any, static: tuple[Any, ...] = ()) -> None:
        address, pack, block = self.compiled(v, *static)
        if block:
            (args,) = args
            if type(args) is not block:
                raise TypeError(f"{self.build.__name__} takes a {block.__name__}: got a {type(args).__name__}")
        pool.run(address, pack(*map(_plain, args)), parts)

    def _compiled(self, v: Vector, *static: Any) -> tuple[int, Callable[..., bytes], type | None]:
        loop = self.build(v, *static)
        kinds, block = arguments(loop)
        parts = self.build.__module__.rpartition(".")[2], self.build.__name__, v.dtype, v.bytes, *static
        name = "-".join(map(str, parts))
        pack = struct.Struct("".join(KINDS[k] for k in kinds)).pack
        return _load(name, lambda: _compile(loop, kinds, block, v)), pack, block


def kernel(build: Callable[..., Any]) -> Kernel:
    """The decorator."""
    return Kernel(build)


def arguments(loop: Callable[..., None]) -> tuple[list[Any], type | None]:
    """The kinds of a loop's arguments after part and thread, and the class of its block; None where it has none."""
    kinds = [kind for name, kind in loop.__annotations__.items() if name != "return"]
    if len(kinds) == 1 and kinds[0] not in KINDS:
        return list(kinds[0].__annotations__.values()), kinds[0]
    if len(kinds) > FEW:
        raise TypeError(f"{loop.__qualname__} has {len(kinds)} arguments: more than {FEW} go into a block")
    return kinds, None


def _plain(a: Any) -> Any:
    """What goes into the argument block: an array's address, or the number."""
    return a.__array_interface__["data"][0] if isinstance(a, np.ndarray) else a


# ---------------------------------------------------------------- compiling


def _compile(loop: Any, kinds: list[Any], block: type | None, v: Vector) -> tuple[str, bytes]:
    """(symbol, object code) of a function (arguments, part, thread), the arguments a block of 8 bytes each.

    Numba types, lowers and optimises the loop; its own way to a callable would make machine code that nobody runs.
    """
    whole = types.int64
    by_kind = {Reals: types.CPointer(v.scalar), Ints: types.CPointer(whole), Int: whole, Real: v.scalar}
    flags = compiler.Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model, flags.fastmath = "numpy", FastMathOptions({"contract", "nsz", "reassoc"})
    typing, target = cpu_target.typing_context, cpu_target.target_context
    typing.refresh()
    target.refresh()
    given = tuple(by_kind[kind] for kind in kinds)
    signature = whole, whole, *((types.NamedTuple(given, block),) if block else given)
    library = AOTCPUCodegen("tinygan", "host").create_library(loop.__qualname__)
    made = compiler.compile_extra(typing, target, loop, signature, types.void, flags, {}, library=library)
    library.add_ir_module(_entry(target, made.fndesc, given))
    library.finalize()  # links what the loop calls, and optimises
    module = binding.parse_assembly(library.get_llvm_str())
    module.get_function(made.fndesc.llvm_func_name).linkage = "internal"
    machine = cpu.machine()
    passes = binding.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, binding.create_pass_builder(machine, binding.create_pipeline_tuning_options()))
    outside = {f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")}
    if unknown := outside - set(cpu.LIBRARY):
        raise AssertionError(f"a kernel calls what no library has: {sorted(unknown)}")
    return f"run.{made.fndesc.llvm_func_name}", machine.emit_object(module)


def _entry(target: Any, loop: Any, kinds: tuple[Any, ...]) -> Any:
    """The module of run.LOOP(block, part, thread): LOOP(part, thread, *block), or LOOP(part, thread, block)."""
    word, module = ir.IntType(64), target.create_module("entry")
    callee = ir.Function(module, target.call_conv.get_function_type(loop.restype, loop.argtypes), loop.llvm_func_name)
    signature = ir.FunctionType(ir.VoidType(), [word.as_pointer(), word, word])
    entry = ir.Function(module, signature, f"run.{loop.llvm_func_name}")
    block, part, thread = entry.args
    b = ir.IRBuilder(entry.append_basic_block())
    values = []
    for i, kind in enumerate(kinds):
        stored = ir.DoubleType() if kind is types.float32 else target.get_value_type(kind)
        value = b.load(b.bitcast(b.gep(block, [integer(i)]), stored.as_pointer()))
        values.append(b.fptrunc(value, ir.FloatType()) if kind is types.float32 else value)
    if loop.argtypes[2:] != kinds:
        values = [target.make_tuple(b, loop.argtypes[2], values)]
    target.call_conv.call_function(b, callee, loop.restype, loop.argtypes, [part, thread, *values])
    b.ret_void()
    return module


# ---------------------------------------------------------------- keeping


if hasattr(os, "register_at_fork"):  # the child would wait for ever for a thread that it does not have
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


@cache
def folder() -> Path | None:
    """The folder of a key of everything that object code depends on, below ``cache_folder``; None where none can be used."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    chosen = [str(getattr(config, name)) for name in CHOICES]
    parts = [cpu.description(), numba_version, *chosen, *(p.read_text("utf-8") for p in sources)]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    above = cache_folder()
    return above and _usable(above / f"kernels-{key}")


def _usable(own: Path) -> Path | None:
    """The folder, created if needed. None if that fails, or if other users may write to it: its files are executed."""
    try:
        own.mkdir(mode=0o700, parents=True)
        _prune(own)
    except OSError:  # it is there, or cannot be made
        with suppress(OSError):
            os.utime(own)  # in use
    try:
        about = own.stat()
    except OSError:
        return None
    ours = os.name == "nt" or (about.st_uid in (0, os.geteuid()) and not about.st_mode & 0o022)
    return own if ours else None


def _prune(own: Path) -> None:
    """Delete the folders of other keys that no process has opened for OLD seconds."""
    for other in own.parent.iterdir():
        if re.fullmatch("kernels-[0-9a-f]{16}", other.name) and other != own and not other.is_symlink():
            with suppress(OSError):
                if time.time() - other.stat().st_mtime > OLD:
                    shutil.rmtree(other, ignore_errors=True)


def _load(name: str, make: Callable[[], tuple[str, bytes]]) -> int:
    """The address of the kernel ``name``: from its file, else compiled and saved. A damaged file is replaced."""
    readable = re.sub(r"[^\w.-]", "_", name)[:60]
    own = folder()
    file = own / f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.o" if own else None
    with global_compiler_lock:  # LLVM is for one thread at a time, whether it is ours or another user of Numba
        kept = _read(file, name) if file else None
        if kept is None:
            kept = compiled("jit", make)
            if file:
                _write(file, name, *kept)
        symbol, code = kept
        return cpu.load([symbol], code=code)[0]


def _digest(name: str, whole: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + whole).hexdigest().encode()


def _read(file: Path, name: str) -> tuple[str, bytes] | None:
    """(symbol, object code) of a file; None if it is missing or damaged."""
    try:
        digest, _, whole = file.read_bytes().partition(b"\n")
    except OSError:
        return None
    if _digest(name, whole) != digest:
        return None
    symbol, _, code = whole.partition(b"\n")
    return symbol.decode(), code


def _write(file: Path, name: str, symbol: str, code: bytes) -> None:
    """Save a kernel, if the folder is writable; it runs without a file too."""
    whole = symbol.encode() + b"\n" + code
    with suppress(OSError):
        handle, other = tempfile.mkstemp(dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as f:
                f.write(_digest(name, whole) + b"\n" + whole)
            Path(other).replace(file)
        except BaseException:
            Path(other).unlink()
            raise
