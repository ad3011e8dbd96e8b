"""Each CUDA kernel on a GPU, compared with the emulator and with NumPy in float64; and small runs for compute-sanitizer."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.device import arrays as device_arrays
from tinygan.kernels import reference
from tinygan.kernels.cuda import driver, plan_conv
from tinygan.kernels.cuda.plan import ARITHMETICS, Choice

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/emulated"))

BOUNDS = {"fp32": 2e-6, "tf32": 6e-4, "tf32x3": 2e-6}
OPERATIONS = ("conv2d", "conv2d_dx", "conv2d_dw")


class ConvCase(NamedTuple):
    """A convolution of random arrays, and the kernel that computes it."""

    operation: str
    arithmetic: str
    choice: Choice
    N: int
    size: tuple[int, int]
    channels: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[tuple[int, int], tuple[int, int]]

    @property
    def geometry(self) -> dict[str, Any]:
        return {"stride": self.stride, "pad": self.pad}

    @property
    def name(self) -> str:
        return f"{self.operation}_{self.arithmetic}_{self.choice.tile}{self.choice.vector}"

    def plan_and_arrays(self) -> tuple[Any, dict[str, Any], Any]:
        """The plan, its input arrays, and the result in float64. The bias is added to half of the samples."""
        rng, (C, O) = np.random.default_rng(7), self.channels
        x = rng.standard_normal((self.N, *self.size, C), np.float32)
        w = rng.standard_normal((*self.kernel, C, O), np.float32)
        gy = rng.standard_normal(reference.conv2d(x, w, **self.geometry).shape, np.float32)
        bias = rng.standard_normal(C if self.operation == "conv2d_dx" else O).astype(np.float32)
        how = {"points": self.N // 2, "choice": self.choice, "arithmetic": self.arithmetic, **self.geometry}
        X, W, GY, B = (a.astype(np.float64) for a in (x, w, gy, bias))
        if self.operation == "conv2d":
            want = reference.conv2d(X, W, bias=B, points=self.N // 2, **self.geometry)
            return plan_conv.conv2d(x.shape, w.shape, **how), {"a": x, "b": w, "bias": bias}, want
        if self.operation == "conv2d_dx":
            want = reference.conv2d_dx(GY, W, size=self.size, bias=B, points=self.N // 2, **self.geometry)
            return plan_conv.conv2d_dx(gy.shape, w.shape, size=self.size, **how), {"a": gy, "b": w, "bias": bias}, want
        how.pop("points")
        want = reference.conv2d_dw(X, GY, kernel=self.kernel, **self.geometry)
        return plan_conv.conv2d_dw(x.shape, gy.shape, kernel=self.kernel, **how), {"a": x, "b": gy}, want


def cases(large: bool = True) -> Iterator[ConvCase]:
    """Cases for every kernel. ``large`` has several tiles and also splits k; otherwise sizes are the smallest that fill the
    pipeline."""
    for operation in OPERATIONS:
        for arithmetic in ARITHMETICS:
            for tile, vector in (("large", 4), ("small", 4), ("narrow", 4), ("small", 1), ("narrow", 1)):
                for splits in (1, 3) if large else (1,):
                    channels = (36, 68) if vector == 4 else (13, 21)
                    if tile == "narrow":
                        channels = channels[0], 12 if vector == 4 else 3
                    if operation == "conv2d_dx":
                        channels = channels[::-1]
                    choice = Choice(tile, vector, splits)
                    kernel = (4, 3) if large else (2, 2)
                    size, N = ((11, 14), 5) if large else ((9, 9), 2)
                    yield ConvCase(operation, arithmetic, choice, N, size, channels, kernel, (2, 1), ((1, 2), (0, 1)))


def about() -> Iterator[dict[str, Any]]:
    """The GPU, the compiler, and the registers that kernels need."""
    device = driver.Device()
    start = time.perf_counter()
    cubin = driver.Module(device, "conv.cu").cubin
    yield {
        "gpu": device.name,
        "arch": device.arch,
        "processors": device.processors,
        "compiler": cubin.compiler,
        "python": platform.python_version(),
        "seconds to build": time.perf_counter() - start,
        "spills": sum(r.spills for r in cubin.resources.values()),
        "registers, most": max((r.registers for r in cubin.resources.values()), default=None),
    }


def relative_error(a: Any, b: Any) -> float:
    """‖a − b‖ / ‖b‖; infinite for a NaN."""
    error = float(np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b))
    return error if np.isfinite(error) else float("inf")


def parity() -> Iterator[dict[str, Any]]:
    """Compare with the emulator: FP32 must be bitwise equal; tensor cores sum in another order and must be close."""
    import emulator

    emulated, module = emulator.of(), driver.Module(driver.Device(), "conv.cu")
    for case in cases():
        plan, arrays, want = case.plan_and_arrays()
        (here,), (there,), (again,) = (at.apply(plan, **arrays) for at in (emulated, module, module))
        error = relative_error(there, want)
        bitwise = bool(np.array_equal(here, there))
        yield {
            "kernel": case.name,
            "splits": case.choice.splits,
            "error": error,
            "error of the emulator": relative_error(here, want),
            "bits of the emulator": bitwise,
            "apart": relative_error(there, here),
            "repeats": bool(np.array_equal(there, again)),
            "right": error <= BOUNDS[case.arithmetic] and (bitwise or case.arithmetic != "fp32"),
        }
    yield from parity_of_arrays()


def parity_of_arrays() -> Iterator[dict[str, Any]]:
    """Compare with float64. Bitwise equality with the emulator is only reported, because exponentials differ."""
    import emulator

    modules = modules_of_arrays()
    for case in device_arrays.cases():
        here = emulator.of(case.file).apply(case.operation, **case.arrays)
        there, again = (modules[case.file].apply(case.operation, **case.arrays) for _ in range(2))
        error = case.error(there)
        repeats = all(np.array_equal(a, b) for a, b in zip(there, again, strict=True))
        yield {
            "kernel": case.name,
            "error": error,
            "error of the emulator": case.error(here),
            "bits of the emulator": all(np.array_equal(a, b) for a, b in zip(here, there, strict=True)),
            "repeats": repeats,
            "right": error <= device_arrays.BOUND and repeats,
        }


def modules_of_arrays() -> dict[str, Any]:
    device = driver.Device()
    return {file: driver.Module(device, file) for file in device_arrays.FILES}


def small() -> Iterator[dict[str, Any]]:
    """Run each kernel once on small arrays. Under compute-sanitizer, the exit status is its result."""
    module, worst, count = driver.Module(driver.Device(), "conv.cu"), 0.0, 0
    for case in cases(large=False):
        plan, arrays, want = case.plan_and_arrays()
        error = relative_error(module.apply(plan, **arrays)[0], want)
        worst, count = max(worst, error / BOUNDS[case.arithmetic]), count + 1
    modules = modules_of_arrays()
    for array_case in device_arrays.cases(large=False):
        found = modules[array_case.file].apply(array_case.operation, **array_case.arrays)
        worst, count = max(worst, array_case.error(found) / device_arrays.BOUND), count + 1
    yield {
        "tool": os.environ.get("TINYGAN_TOOL", "none"),
        "operations": count,
        "worst of its bound": worst,
        "right": worst <= 1,
    }


def profile() -> Iterator[dict[str, Any]]:
    """Run three kernels for a profiler, on DCGAN-64's second layer with 64 points and 8 tangents each."""
    module, rng = driver.Module(driver.Device(), "conv.cu"), np.random.default_rng(0)
    shapes = {"x": (576, 32, 32, 64), "w": (4, 4, 64, 128), "y": (576, 16, 16, 128)}
    x, w, y = (rng.standard_normal(shape, np.float32) for shape in shapes.values())
    how = {"stride": (2, 2), "pad": ((1, 1), (1, 1)), "arithmetic": "tf32"}
    module.apply(plan_conv.conv2d(x.shape, w.shape, **how), a=x, b=w)
    module.apply(plan_conv.conv2d_dx(y.shape, w.shape, size=(32, 32), **how), a=y, b=w)
    module.apply(plan_conv.conv2d_dw(x.shape, y.shape, kernel=(4, 4), **how), a=x, b=y)
    yield {"launched": 3}
