"""Backends against the reference; without Numba there is nothing to hold to it."""

import pytest


@pytest.fixture(autouse=True)
def numba(monkeypatch):
    """Skip where Numba is not installed; else no product is so small that ``jit`` leaves it to the reference."""
    pytest.importorskip("numba")
    for name in ("SMALL", "SMALL_VECTOR"):
        monkeypatch.setattr(f"tinygan.kernels.jit.operations.{name}", -1)
