"""CUDA kernels without a GPU; where the emulator cannot be, one line says why."""

import os
import subprocess
import sys

import pytest

from tinygan.kernels import cuda_build

from .emulator import ARCHS, missing

BUILD = "import sys; from tinygan.kernels import cuda_build; [cuda_build.build(f, sys.argv[1]) for f in sys.argv[2:]]"


@pytest.fixture(autouse=True)
def emulator_is_here():
    if why := missing():
        pytest.skip(why)


@pytest.fixture(scope="session")
def cubins(tmp_path_factory):
    """Where the session keeps what it compiles. The longest files come first, a process for each architecture: in one process
    NVRTC compiles one after another. What fails here fails again where a test asks for it, with the compiler's words."""
    folder = tmp_path_factory.mktemp("cubins")
    if cuda_build.compiler():
        env = {**os.environ, "TINYGAN_CACHE": str(folder)}
        for each in [
            subprocess.Popen([sys.executable, "-c", BUILD, arch, "conv.cu", "matmul.cu"], env=env) for arch in ARCHS
        ]:
            each.wait()
    return folder
