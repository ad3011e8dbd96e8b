"""CUDA kernels without a GPU; where the emulator cannot be, one line says why.

What takes long is asked of other processes at the start, on a second core, and read by the tests that come last.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tinygan.kernels.cuda import compile as build

from . import emulator as emu

LAST = ("test_cubin", "test_sass", "test_sanitized")
BUILD = "import sys; from tinygan.kernels.cuda import compile as c; [c.build(f, sys.argv[1]) for f in sys.argv[2:]]"


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LAST.index(item.path.stem) if item.path.stem in LAST else -1)


@pytest.fixture(autouse=True)
def emulator_is_here():
    if why := emu.missing():
        pytest.skip(why)


@pytest.fixture(scope="session", autouse=True)
def meanwhile(request, tmp_path_factory):
    """(where cubins are kept, done when they are there; the outcomes of sanitized runs)."""
    asked, folder = {item.path.stem for item in request.session.items}, tmp_path_factory.mktemp("cubins")
    pool, compiled, outcomes = ThreadPoolExecutor(1), [], {}
    emu.PLACE.append(tmp_path_factory.mktemp("emulator"))
    emu.folder()  # once, before two threads ask for it
    if asked & {"test_cubin", "test_sass"} and build.compiler():
        compiled = [pool.submit(longest_files, arch, folder) for arch in emu.ARCHS]
    if "test_sanitized" in asked and not emu.missing():
        from .test_sanitized import RUNS

        outcomes = {id(run): pool.submit(run.outcome) for run in RUNS}
    yield folder, compiled, outcomes
    pool.shutdown(cancel_futures=True)


def longest_files(arch, folder):
    """In a process of their own. What fails here fails again where a test asks for it, with the compiler's words."""
    env = {**os.environ, "TINYGAN_CACHE": str(folder)}
    subprocess.run([sys.executable, "-c", BUILD, arch, "conv.cu", "matmul.cu"], env=env, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def cubins(meanwhile):
    """Where the session keeps what it compiles."""
    folder, compiled, _ = meanwhile
    for one in compiled:
        one.result()
    return folder


@pytest.fixture(scope="session")
def outcome(meanwhile):
    """Of a run of test_sanitized.py."""
    return lambda run: meanwhile[2][id(run)].result()
