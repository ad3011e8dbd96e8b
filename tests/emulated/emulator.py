"""The .cu files of kernels/ as a library that g++ made, and its kernels run on NumPy arrays."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from tinygan import kernels
from tinygan.kernels.cuda import plan_conv

HERE = Path(__file__).parents[1] / "emu"
SOURCES = Path(kernels.__path__[0]) / "cuda"
ARCHS = ("sm_80", "sm_90a", "sm_100")  # compiled for without a GPU
SCHEDULES = {"forward": 0, "reverse": 1, "random": 2}
PLAIN = ("-O3", "-march=x86-64-v3")
SANITIZED = ("-O1", "-march=x86-64-v3", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
SANITIZED += ("--param=asan-stack=0",)  # a fiber's stack is left for good when its kernel ends
RACES = ("-O1", "-g", "-march=x86-64-v3", "-fsanitize=thread")


PLACE = [None]  # where folders for temporary files are made; at first where the system has them


def missing():
    """Why there is no emulator here, in one line; empty where there is."""
    if platform.machine() != "x86_64":
        return f"the CUDA emulator switches stacks of x86-64, this is {platform.machine()}"
    return "" if shutil.which("g++") else "the CUDA emulator is compiled by g++, which is not installed"


@cache
def folder():
    """What is compiled here, with the session's other files (conftest.py): they go with them, whatever ends it."""
    return Path(tempfile.mkdtemp(prefix="tg_emu", dir=PLACE[-1]))


@cache
def build(text, options=PLAIN, headers=()):
    """The path of a library of a .cu file's ``text``; ``headers``: (name, text) that stand in for those of kernels/."""
    name = hashlib.sha256(repr((text, options, headers)).encode()).hexdigest()[:16]
    here = folder() / name
    here.mkdir()
    for header, content in headers:
        (here / header).write_text(content)
    (here / "k.cu").write_text(text)
    compiled(
        [f"-I{here}", "-shared", "-x", "c++", here / "k.cu", "-x", "none", runtime(options)], options, here / "k.so"
    )
    return here / "k.so"


@cache
def runtime(options):
    """The path of the emulator itself, an object file."""
    name = hashlib.sha256(repr(options).encode()).hexdigest()[:16]
    path = folder() / f"{name}.o"
    if options == RACES:  # ThreadSanitizer is told what the runtime does, and does not watch it
        options = ("-O1", "-g", "-march=x86-64-v3", "-DTG_RACES")
    compiled(["-c", HERE / "tg_emu.cpp"], options, path)
    return path


def compiled(what, options, path):
    words = ["g++", "-std=c++17", *options, "-ffp-contract=off", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    words += [*what, f"-I{HERE}", f"-I{SOURCES}", "-o", path]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(folder())})
    assert done.returncode == 0, done.stderr[:3000]


class Broken(Exception):
    """A kernel broke a rule of the device."""


class Emulator:
    """A library's kernels; ``schedule`` says in which order threads run."""

    def __init__(self, path):
        self.library = ctypes.CDLL(os.fspath(path))
        self.library.tg_launch.restype = ctypes.c_bool
        self.library.tg_error.restype = ctypes.c_char_p

    def launch(self, launch, schedule="forward", seed=1):
        kernel = getattr(self.library, launch.name)
        for what, have in (("args", ctypes.sizeof(launch.args)), ("threads", launch.threads)):
            want = ctypes.c_uint.in_dll(self.library, f"{launch.name}_{what}").value
            assert have == want, f"{launch.name}: {what} {have}, in the source {want}"
        grid = (ctypes.c_uint * 3)(*launch.grid)
        shared, seed = ctypes.c_size_t(launch.shared), ctypes.c_uint64(seed)
        args = ctypes.byref(launch.args)
        if not self.library.tg_launch(kernel, grid, launch.threads, shared, args, SCHEDULES[schedule], seed):
            raise Broken(self.library.tg_error().decode())

    def apply(self, operation, *, schedule="forward", seed=1, **arrays):
        """The results of an Operation on arrays by name, in arrays of NaN that its kernels must fill."""
        results = {name: np.full(shape, np.nan, np.float32) for name, shape in operation.writes.items()}
        arrays |= results | {"workspace": np.full(operation.workspace, np.nan, np.float32)}
        for launch in operation.launches({name: address(a) for name, a in arrays.items()}):
            self.launch(launch, schedule, seed)
        return list(results.values())


def schedules(emulator, operation, **arrays):
    """The results of an Operation, the same bits in every order of its threads."""
    first, *others = (emulator.apply(operation, schedule=order, seed=3, **arrays) for order in SCHEDULES)
    for other in others:
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, other, strict=True))
    return first


def close(found, want, bound, typical=0.0):
    """‖found − want‖ ≤ bound ‖want‖, every number finite; ``typical``: the norm of what is summed, where sums cancel."""
    want = np.asarray(want)
    assert found.shape == want.shape
    assert np.isfinite(found).all()
    assert np.linalg.norm(found - want) <= bound * max(np.linalg.norm(want), typical)


def address(a):
    if a is None:
        return None
    assert a.dtype == np.float32
    assert a.flags.c_contiguous
    return a.ctypes.data


@cache
def of(name="conv.cu"):
    """The kernels of a file as it stands."""
    return Emulator(build((SOURCES / name).read_text()))


def conv2d(emulator, x, w, *, bias=None, points=None, how=None, **geometry):
    plan = plan_conv.conv2d(x.shape, w.shape, points=points, **geometry)
    return emulator.apply(plan, a=x, b=w, bias=bias, **(how or {}))[0]


def conv2d_dx(emulator, gy, w, *, bias=None, points=None, how=None, **geometry):
    plan = plan_conv.conv2d_dx(gy.shape, w.shape, points=points, **geometry)
    return emulator.apply(plan, a=gy, b=w, bias=bias, **(how or {}))[0]


def conv2d_dw(emulator, x, gy, *, how=None, **geometry):
    return emulator.apply(plan_conv.conv2d_dw(x.shape, gy.shape, **geometry), a=x, b=gy, **(how or {}))[0]
