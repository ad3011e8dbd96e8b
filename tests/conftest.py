"""What every room of the tests may ask for."""

import numpy as np
import pytest

from tinygan import kernels
from tinygan.kernels.cuda import driver


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(20260101)


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """Tests mean the CPU on machines with a GPU too, as do the processes that they start; tests/device wants it."""
    monkeypatch.setattr(driver, "count", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    if "cuda" in kernels.available():
        kernels.available.cache_clear()
