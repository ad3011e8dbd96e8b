"""CUDA kernels without a GPU; where the emulator cannot be, one line says why."""

import pytest

from .emulator import missing


@pytest.fixture(autouse=True)
def emulator_is_here():
    if why := missing():
        pytest.skip(why)


@pytest.fixture(scope="session")
def cubins(tmp_path_factory):
    """Where the session keeps what it compiles."""
    return tmp_path_factory.mktemp("cubins")
