"""A scalar: a Python float on the CPU, an array without axes on a device.

A step that is to run on a GPU keeps its scalars there: it uses ``scalar(x)`` where it would use ``float(x)``, which would
make the CPU wait for the GPU, and it decides nothing by their values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.kernels import Scalar

Log = dict[str, Scalar]  # what a training step reports, by name


def scalar(x: Any) -> Scalar:
    """x as a Python float. An x that lives on a device is returned as it is."""
    return float(x) if isinstance(x, (float, int, np.generic, np.ndarray)) else x
