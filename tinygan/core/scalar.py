"""A scalar: a Python float on the CPU, an array without axes on a device."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

Scalar = float | Array  # a number that may live on a device: ``float(x)`` there would make the CPU wait


def scalar(x: Any) -> Any:
    """x as a Python float. An x that lives on a device is returned as it is, so that the CPU does not wait for it."""
    return float(x) if isinstance(x, (float, int, np.generic, np.ndarray)) else x
