"""A scalar: Python's float on the host, left on the device there."""

from __future__ import annotations

from typing import Any

import numpy as np


def number(x: Any) -> float:
    """A Python float. Where x lives on a device it stays there, an array of no axes, so that nothing waits for it."""
    told: float = float(x) if isinstance(x, (float, int, np.generic, np.ndarray)) else x
    return told
