"""Cubins on a GPU through the driver's own interface: load, launch on any library's stream, and plain memory.

The context is the device's primary one, which CuPy and PyTorch use too, so kernels take the addresses of their arrays.
"""

from __future__ import annotations

import ctypes
from ctypes import byref
from functools import cache
from typing import Any

import numpy as np

from tinygan.kernels.cuda.compile import build
from tinygan.kernels.cuda.plan import Launch, Operation
from tinygan.kernels.shapes import Array

MAX_DYNAMIC_SHARED, MAJOR, MINOR, PROCESSORS = 8, 75, 76, 16  # the driver's numbers of attributes


class DriverError(Exception):
    """The driver reported an error."""


@cache
def driver() -> Any:
    library = ctypes.CDLL("libcuda.so.1")
    check(library, library.cuInit(0))
    return library


def check(library: Any, error: int) -> None:
    if error:
        words = ctypes.c_char_p()
        library.cuGetErrorString(error, byref(words))
        raise DriverError(f"CUDA error {error}: {(words.value or b'unknown').decode()}")


def call(name: str, *args: Any) -> None:
    check(driver(), getattr(driver(), name)(*args))


def count() -> int:
    """The number of GPUs; 0 without a driver."""
    number = ctypes.c_int()
    try:
        call("cuDeviceGetCount", byref(number))
    except (OSError, DriverError):
        return 0
    return number.value


class Device:
    """A GPU. Its primary context becomes current in the calling thread."""

    def __init__(self, ordinal: int = 0) -> None:
        self.handle, context = ctypes.c_int(), ctypes.c_void_p()
        call("cuDeviceGet", byref(self.handle), ordinal)
        call("cuDevicePrimaryCtxRetain", byref(context), self.handle)
        call("cuCtxSetCurrent", context)

    def attribute(self, number: int) -> int:
        value = ctypes.c_int()
        call("cuDeviceGetAttribute", byref(value), number, self.handle)
        return value.value

    @property
    def name(self) -> str:
        text = ctypes.create_string_buffer(100)
        call("cuDeviceGetName", text, len(text), self.handle)
        return text.value.decode()

    @property
    def arch(self) -> str:
        """The target for nvcc; Hopper and later have instructions that only their own target "a" names."""
        major, minor = self.attribute(MAJOR), self.attribute(MINOR)
        return f"sm_{major}{minor}" + ("a" if major >= 9 else "")

    @property
    def processors(self) -> int:
        return self.attribute(PROCESSORS)


class Module:
    """The kernels of kernels/``name`` on a device."""

    def __init__(self, device: Device, name: str) -> None:
        self.cubin = build(name, device.arch)
        self.handle = ctypes.c_void_p()
        call("cuModuleLoadData", byref(self.handle), self.cubin.code)
        self.kernels: dict[str, ctypes.c_void_p] = {}

    def kernel(self, name: str, shared: int) -> Any:
        if name not in self.kernels:
            function = ctypes.c_void_p()
            call("cuModuleGetFunction", byref(function), self.handle, name.encode())
            call("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED, shared)
            self.kernels[name] = function
        return self.kernels[name]

    def launch(self, launch: Launch, stream: int = 0) -> None:
        """Run a ``plan.Launch`` on a stream, given by its address; the argument struct is copied before this returns."""
        args = (ctypes.c_void_p * 1)(ctypes.addressof(launch.args))
        kernel = self.kernel(launch.name, launch.shared)
        call(
            "cuLaunchKernel",
            kernel,
            *launch.grid,
            launch.threads,
            1,
            1,
            launch.shared,
            ctypes.c_void_p(stream),
            args,
            None,
        )

    def apply(self, operation: Operation, **arrays: Any) -> list[Array]:
        """The results of a ``plan.Operation`` on NumPy arrays by name; they start as NaN."""
        results = {name: np.full(shape, np.nan, np.float32) for name, shape in operation.writes.items()}
        arrays |= results | {"workspace": np.full(operation.workspace, np.nan, np.float32)}
        there: dict[str, Any] = {name: Memory(a) if a is not None and a.size else None for name, a in arrays.items()}
        for launch in operation.launches({name: m.address if m else None for name, m in there.items()}):
            self.launch(launch)
        call("cuCtxSynchronize")
        return [there[name].bring(a) if a.size else a for name, a in results.items()]


class Memory:
    """Device memory with the contents of an array."""

    def __init__(self, array: Array) -> None:
        array = np.ascontiguousarray(array, np.float32)
        pointer = ctypes.c_uint64()
        call("cuMemAlloc_v2", byref(pointer), ctypes.c_size_t(array.nbytes))
        self.address = pointer.value
        call(
            "cuMemcpyHtoD_v2",
            ctypes.c_uint64(self.address),
            ctypes.c_void_p(array.ctypes.data),
            ctypes.c_size_t(array.nbytes),
        )

    def bring(self, array: Array) -> Array:
        """Fill ``array``."""
        here = ctypes.c_void_p(array.ctypes.data)
        call("cuMemcpyDtoH_v2", here, ctypes.c_uint64(self.address), ctypes.c_size_t(array.nbytes))
        return array

    def __del__(self) -> None:
        driver().cuMemFree_v2(ctypes.c_uint64(self.address))
