"""Checks of the inputs of measures, and the blocks in which large inputs are processed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError

BLOCK = 1024  # rows: 1024 x 1024 pairs in float64 are 8 MiB
LARGE = 1e50  # the kernel distance uses sixth powers, and float32 ends at 3e38
ROUNDING = 1e-3  # how far outside [-1, 1] a pixel may be


def rows(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices of at most ``size`` that cover 0 ... n."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def matrix(what: str, x: Array, *, least: int = 1, width: int | None = None) -> Array:
    """Check that x (n, d) is real and finite, has at least ``least`` rows and, if given, ``width`` columns. Returns x.

    Raises UsageError.
    """
    x = _array(what, x, 2, "(n, d)")
    if len(x) < least or x.shape[1] == 0:
        raise UsageError(f"{what} are {x.shape}; expected (n, d) with n at least {least} and d at least 1")
    if width is not None and x.shape[1] != width:
        raise UsageError(f"{what} have {x.shape[1]} columns, the other set has {width}; use the same features for both")
    return _finite(what, x)


def pictures(what: str, x: Array) -> Array:
    """Check that images x (n, H, W, C) are finite, in [-1, 1] and not empty. Returns x. Raises UsageError."""
    x = _array(what, x, 4, "(n, H, W, C)")
    if x.size == 0:
        raise UsageError(f"{what} are {x.shape}; expected (n, H, W, C) with n at least 1")
    low, high = _finite(what, x).min(), x.max()
    if low < -1 - ROUNDING or high > 1 + ROUNDING:
        raise UsageError(f"{what} have pixels from {low} to {high}; expected -1 to 1; rescale them")
    return x


def vector(what: str, x: Array) -> Array:
    """Check that x (n,) is real, finite and not empty. Returns x. Raises UsageError."""
    x = _array(what, x, 1, "(n,)")
    if x.size == 0:
        raise UsageError(f"{what} are {x.shape}; expected (n,) with n at least 1")
    return _finite(what, x)


def classes(what: str, labels: Array, *, of: int, n: int | None = None) -> Array:
    """Check that labels (n,) are integers in 0 ... of − 1. Returns them. Raises UsageError."""
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
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)  # needs no array like x; a NaN propagates
    if not (low >= -LARGE and high <= LARGE):
        raise UsageError(f"{what} have a NaN, an infinity or a value above {LARGE}; look for the sample that has it")
    return x
