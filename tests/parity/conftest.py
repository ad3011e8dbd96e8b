"""Backends against the reference; without Numba there is nothing to hold to it."""

import pytest


@pytest.fixture(autouse=True)
def numba():
    """Skip where Numba is not installed."""
    return pytest.importorskip("numba")
