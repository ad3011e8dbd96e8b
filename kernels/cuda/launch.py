"""Operations on CuPy's arrays: arrays as the kernels read them, and the launches of a plan on CuPy's stream."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import cupy
import numpy as np

from tinygan.errors import UsageError
from tinygan.kernels.cuda import driver
from tinygan.kernels.cuda.plan import Launch

DeviceArray = Any  # cupy.ndarray
WORD = 16  # bytes that a kernel may read at a time


@cache
def module(file: str, ordinal: int) -> driver.Module:
    """The kernels of a file on a device, compiled once."""
    return driver.Module(driver.Device(ordinal), file)


def launch(file: str, launches: Iterable[Launch]) -> None:
    kernels, stream = module(file, cupy.cuda.Device().id), cupy.cuda.get_current_stream().ptr
    for one in launches:
        kernels.launch(one, stream)


def floats(a: DeviceArray) -> DeviceArray:
    """a; UsageError for a dtype other than float32."""
    if a.dtype != np.float32:
        raise UsageError(f"the CUDA kernels work on float32: got {a.dtype}; use --backend jit, or x.astype(np.float32)")
    return a


def ready(a: DeviceArray | None) -> DeviceArray:
    """Contiguous, of float32."""
    return None if a is None else cupy.ascontiguousarray(floats(a))


def aligned(a: DeviceArray) -> DeviceArray:
    """Ready, and aligned to a word: a weight may start anywhere in θ."""
    a = ready(a)
    return a.copy() if a.data.ptr % WORD else a


def address(a: DeviceArray | None) -> int | None:
    return None if a is None else a.data.ptr


def empty(shape: Any) -> DeviceArray:
    return cupy.empty(shape, np.float32)


def apply(file: str, operation: Any, **arrays: Any) -> dict[str, Any]:
    """The results of a ``plan.Operation``, a dictionary."""
    results = {name: empty(shape) for name, shape in operation.writes.items()}
    arrays |= results | {"workspace": empty(operation.workspace)}
    launch(file, operation.launches({name: address(a) for name, a in arrays.items()}))
    return results
