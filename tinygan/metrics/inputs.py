"""What a measure is given, checked where it enters; and the blocks in which it is worked on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

BLOCK = 1024  # rows: 1024 x 1024 pairs in float64 are 8 MiB
ROUNDING = 1e-3  # how far outside [-1, 1] a pixel may be


def rows(n: int, size: int = BLOCK) -> Iterator[slice]:
    """0 ... n cut into slices of at most ``size``."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def matrix(what: str, x: Array, *, least: int = 1, width: int | None = None) -> Array:
    """x (n, d) as it is: real, finite, n at least ``least``, d = ``width`` where given. Raises UsageError."""
    x = _array(what, x, 2, "(n, d)")
    if len(x) < least or x.shape[1] == 0:
        raise UsageError(f"{what} are {x.shape}; expected (n, d) with n at least {least} and d at least 1")
    if width is not None and x.shape[1] != width:
        raise UsageError(f"{what} have {x.shape[1]} columns, the other set has {width}; give both the same features")
    return _finite(what, x)


def pictures(what: str, x: Array, *, least: int = 1) -> Array:
    """x (n, H, W, C) as it is: finite, in [-1, 1], n at least ``least``. Raises UsageError."""
    x = _array(what, x, 4, "(n, H, W, C)")
    if len(x) < least or 0 in x.shape:
        raise UsageError(f"{what} are {x.shape}; expected (n, H, W, C) with n at least {least}")
    low, high = _finite(what, x).min(), x.max()
    if low < -1 - ROUNDING or high > 1 + ROUNDING:
        raise UsageError(f"{what} have pixels from {low} to {high}; expected -1 to 1; map them first")
    return x


def vector(what: str, x: Array, *, least: int = 1) -> Array:
    """x (n,) as it is: real, finite, n at least ``least``. Raises UsageError."""
    x = _array(what, x, 1, "(n,)")
    if len(x) < least:
        raise UsageError(f"{what} are {x.shape}; expected (n,) with n at least {least}")
    return _finite(what, x)


def classes(what: str, labels: Array, *, of: int, n: int | None = None) -> Array:
    """Labels (n,), integers in 0 ... of − 1, as they are. Raises UsageError."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or len(labels) == 0 or (n is not None and len(labels) != n):
        raise UsageError(f"{what} are {labels.dtype} {labels.shape}; expected integers ({'n' if n is None else n},)")
    if labels.min() < 0 or labels.max() >= of:
        raise UsageError(f"{what} are from {labels.min()} to {labels.max()}; expected 0 to {of - 1}")
    return labels


def _array(what: str, x: Array, rank: int, shape: str) -> Array:
    x = np.asarray(x)
    if x.dtype.kind not in "fiu" or x.ndim != rank:
        raise UsageError(f"{what} are {x.dtype} {x.shape}; expected real numbers {shape}")
    return x


def _finite(what: str, x: Array) -> Array:
    if x.size and not (np.isfinite(x.min()) and np.isfinite(x.max())):  # without an array of the size of x
        raise UsageError(f"{what} hold a NaN or an infinity; expected finite numbers; look for the sample that has it")
    return x
