"""CUDA kernels without a GPU; where the emulator cannot be, one line says why."""

import pytest

from .emulator import missing


@pytest.fixture(autouse=True)
def emulator_is_here():
    if why := missing():
        pytest.skip(why)
