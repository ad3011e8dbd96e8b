"""From CUDA C++ to a cubin, without a driver: NVRTC through ctypes where its library is installed, else nvcc.

A cubin is kept under the hash of everything that it is made of: the texts of all sources, the options and the compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tinygan.kernels.cache import cache_folder, compiled

SOURCES = Path(__file__).parent
# Products and sums are fused where a kernel says fmaf and nowhere else, so the same text has the same bits on a CPU.
OPTIONS = ("-std=c++17", "--fmad=false", "--ptxas-options=-v")
PLACES = "usr/local/cuda*/targets/x86_64-linux/lib", "usr/local/cuda*/lib64", "usr/lib/x86_64-linux-gnu"


class Resources(NamedTuple):
    """The compiler's report on a kernel: registers of a thread, bytes of stack, bytes of spills."""

    registers: int
    stack: int
    spills: int


class Cubin(NamedTuple):
    code: bytes
    resources: dict[str, Resources]  # by kernel
    compiler: str


class NoCompiler(Exception):
    """Neither NVRTC nor nvcc is installed."""


def build(name: str, arch: str) -> Cubin:
    """The cubin of kernels/``name`` for ``arch``, such as sm_90a; RuntimeError with the compiler's words where it fails."""
    with_what = compiler()
    if with_what is None:
        raise NoCompiler("no CUDA compiler: pip install nvidia-cuda-nvrtc, or put nvcc on the PATH")
    texts = {path.name: path.read_text() for path in sorted(SOURCES.glob("*.cu*"))}
    made_of = repr((name, arch, OPTIONS, with_what.version, texts))
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:24]
    code, words = kept(f"{Path(name).stem}-{arch}-{digest}", lambda: with_what.compile(name, texts, arch))
    return Cubin(code, resources(words), with_what.version)


def kept(name: str, make: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
    """The (cubin, log) that ``make`` gave, from the cache where it is there."""
    above = cache_folder()
    if above is None:
        return compiled("cuda", make)
    cubin, log = (above / "cuda" / f"{name}.{kind}" for kind in ("cubin", "log"))
    if not (cubin.exists() and log.exists()):
        code, words = compiled("cuda", make)
        cubin.parent.mkdir(parents=True, exist_ok=True)
        for path, content in ((log, words.encode()), (cubin, code)):
            part = path.with_suffix(f".{os.getpid()}")
            part.write_bytes(content)
            part.replace(path)
    return cubin.read_bytes(), log.read_text()


def resources(log: str) -> dict[str, Resources]:
    """Kernel → Resources, from the output of ptxas -v."""
    pattern = (
        r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
        r".*?Used (\d+) registers"
    )
    return {m[1]: Resources(int(m[5]), int(m[2]), int(m[3]) + int(m[4])) for m in re.finditer(pattern, log, re.S)}


# ---------------------------------------------------------------- compilers


def compiler() -> Nvrtc | Nvcc | None:
    """NVRTC, else nvcc; None if neither is installed."""
    return nvrtc() or nvcc()


class Nvrtc:
    def __init__(self, library: Any) -> None:
        self.library = library
        major, minor = ctypes.c_int(), ctypes.c_int()
        library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        self.version = f"nvrtc {major.value}.{minor.value}"

    def compile(self, name: str, texts: dict[str, str], arch: str) -> tuple[bytes, str]:
        """(cubin, log). Headers are passed as texts, so that only what was hashed is read."""
        headers = [(header, text) for header, text in texts.items() if header != name]
        program = ctypes.c_void_p()
        strings = [(ctypes.c_char_p * len(headers))(*(h[i].encode() for h in headers)) for i in (1, 0)]
        self.check(
            "Create", "Program", ctypes.byref(program), texts[name].encode(), name.encode(), len(headers), *strings
        )
        options = [option.encode() for option in (f"--gpu-architecture={arch}", *OPTIONS)]
        failed = self.library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = self.take(program, "ProgramLog").decode(errors="replace").rstrip("\0")
        if failed:
            raise RuntimeError(f"NVRTC cannot compile {name}: {log[:4000]}")
        code = self.take(program, "CUBIN")
        self.check("Destroy", "Program", ctypes.byref(program))
        return code, log

    def take(self, program: Any, what: str) -> bytes:
        size = ctypes.c_size_t()
        self.check("Get", f"{what}Size", program, ctypes.byref(size))
        content = ctypes.create_string_buffer(size.value)
        self.check("Get", what, program, content)
        return content.raw

    def check(self, verb: str, what: str, *args: Any) -> None:
        if error := getattr(self.library, f"nvrtc{verb}{what}")(*args):
            raise RuntimeError(f"nvrtc{verb}{what} failed with error {error}")


class Nvcc:
    def __init__(self, path: str) -> None:
        self.path = path
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = "nvcc " + re.findall(r"V(\d+\.\d+\.\d+)", said)[0]

    def compile(self, name: str, texts: dict[str, str], arch: str) -> tuple[bytes, str]:
        """(cubin, log)."""
        with tempfile.TemporaryDirectory() as folder:
            for header, text in texts.items():
                (Path(folder) / header).write_text(text)
            which = f"-gencode=arch=compute_{arch[3:]},code={arch}"
            words = [self.path, which, "-cubin", *OPTIONS, "-o", "out.cubin", name]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"nvcc cannot compile {name}: {done.stderr[:4000]}")
            return (Path(folder) / "out.cubin").read_bytes(), done.stdout + done.stderr


@cache
def nvrtc() -> Nvrtc | None:
    """The compiler in a wheel of NVIDIA's or of a toolkit, the newest of each place; None where there is none.

    Its built-ins are a library of their own, which it finds only where it is loaded already.
    """
    spec = importlib.util.find_spec("nvidia")
    wheels = [(Path(p), "*/lib") for p in ((spec and spec.submodule_search_locations) or ())]
    for root, place in (*wheels, *((Path("/"), place) for place in PLACES)):
        for path in sorted(root.glob(f"{place}/libnvrtc.so.*"), key=lambda path: len(path.name)):
            for beside in sorted(path.parent.glob("libnvrtc-builtins.so*")):
                ctypes.CDLL(str(beside), mode=ctypes.RTLD_GLOBAL)
            return Nvrtc(ctypes.CDLL(str(path)))
    return None


@cache
def nvcc() -> Nvcc | None:
    path = shutil.which("nvcc")
    return Nvcc(path) if path else None
