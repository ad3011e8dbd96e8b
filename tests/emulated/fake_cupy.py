"""CuPy without a GPU: a module whose arrays are those of fake_array.py and whose kernels the emulator runs."""

import sys
import types
from contextlib import contextmanager
from importlib.machinery import ModuleSpec

import numpy as np

from .fake_array import Pinned, Tape, done, from_host, ndarray, waits

ON_DEVICE = [f"tinygan.kernels.cuda.{name}" for name in ("operations", "launch", "graph")]  # they import CuPy


class Stream:
    ptr = 0

    def __init__(self, non_blocking=False):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def begin_capture(self):
        Tape.steps, Tape.undo, Tape.nodes = [], [], 0

    def end_capture(self):
        steps, Tape.steps = Tape.steps, None
        for place, before in reversed(Tape.undo):
            np.copyto(place, before)
        return Graph(steps, Tape.nodes)

    def synchronize(self):
        waits()


class Graph:
    def __init__(self, steps, nodes):
        self.steps, self.nodes = steps, nodes

    def launch(self, stream):
        for step in self.steps:
            step()


class Event:
    def __init__(self, disable_timing=False):
        pass

    def record(self, stream=None):
        pass

    def synchronize(self):
        waits()


@contextmanager
def using_allocator(allocator):
    yield


def empty(shape, dtype):
    raw = np.empty(shape, dtype)
    raw.fill(np.nan if raw.dtype.kind == "f" else -1)
    return ndarray(raw)


def asarray(a, dtype=None):
    """From the host or the device."""
    if isinstance(a, ndarray):
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    from_host()
    return ndarray(np.array(a, dtype))


def ascontiguousarray(a):
    return a if a.raw.flags.c_contiguous else done(np.ascontiguousarray, a)


def modules(emulated):
    """The modules ``cupy`` and ``cupyx`` by name; ``emulated`` takes a file's name and has ``launch``."""
    cupy = types.ModuleType("cupy")
    cupy.__spec__ = ModuleSpec("cupy", None)
    cupy.__dict__.update(
        ndarray=ndarray, empty=empty, asarray=asarray, ascontiguousarray=ascontiguousarray, asnumpy=lambda a: a.get()
    )
    cupy.cuda = types.SimpleNamespace(
        Stream=Stream,
        Event=Event,
        MemoryPool=lambda: types.SimpleNamespace(malloc=None),
        using_allocator=using_allocator,
        Device=lambda: types.SimpleNamespace(id=0),
        get_current_stream=Stream,
        set_pinned_memory_allocator=lambda allocate: setattr(Pinned, "allocate", staticmethod(allocate)),
    )
    cupy.get_default_pinned_memory_pool = lambda: types.SimpleNamespace(malloc=lambda size: None)
    cupyx = types.ModuleType("cupyx")
    cupyx.empty_pinned = np.empty
    return {"cupy": cupy, "cupyx": cupyx}


class Module:
    """The kernels of a file on the emulator; a tape keeps their launches."""

    def __init__(self, emulator):
        self.emulator = emulator

    def launch(self, one, stream):
        copy = type(one.args).from_buffer_copy(bytes(one.args))
        one = one._replace(args=copy)
        self.emulator.launch(one)
        if Tape.steps is not None:
            Tape.nodes += 1
            Tape.steps.append(lambda: self.emulator.launch(one))


def gone():
    """As on a machine without a GPU, from here on."""
    from tinygan import kernels

    removed()
    others = kernels.lacks
    kernels.lacks = lambda name: "needs cupy" if name == "cuda" else others(name)


EMULATED = types.SimpleNamespace(name="emulated", arch="on a CPU")


def installed(monkeypatch, emulated):
    """Put the device into the process for a test; ``emulated``: a file's name -> its kernels on the emulator."""
    from tinygan import kernels
    from tinygan.kernels.cuda import driver

    for name, value in modules(emulated).items():
        monkeypatch.setitem(sys.modules, name, value)
    for name in ON_DEVICE:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(driver, "Device", lambda ordinal=0: EMULATED)
    monkeypatch.setattr(driver, "Module", lambda _, file: Module(emulated(file)))
    others = kernels.lacks
    monkeypatch.setattr(kernels, "lacks", lambda name: "" if name == "cuda" else others(name))
    kernels.available.cache_clear()
    kernels._module.cache_clear()


def removed():
    """What was imported with it, forgotten."""
    from tinygan import kernels

    for name in ON_DEVICE:
        sys.modules.pop(name, None)
    kernels.available.cache_clear()
    kernels._module.cache_clear()
