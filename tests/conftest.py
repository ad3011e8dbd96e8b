"""What all tests share: the options of a run, its order, and a machine that has no GPU.

    pytest                all layers, recipes, readers and backends, with few random inputs, on two processes or more
    pytest --full         everything, with many random inputs
    pytest tests/unit     a folder or a file by name: everything in it, in one process

TINYGAN_DRAWS, TINYGAN_FUZZ and TINYGAN_KILLS set how many random inputs there are, whatever the options.
"""

import os
import signal

import numpy as np
import pytest

from tinygan import kernels
from tinygan.kernels.cuda import driver as cuda_driver

BUDGETS = {"TINYGAN_DRAWS": (20, 200), "TINYGAN_FUZZ": (50, 1000), "TINYGAN_KILLS": (2, 12)}  # by default, with --full
MOST = 8  # processes
ORDER = ("study", "unit", "old", "parity", "gold", "device", "emulated")  # folders, one process after another
LONGEST = ("emulated", "parity")  # each of these is one process's, and is begun first
SPLIT = ("test_layers.py",)  # files whose tests are for any process


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the slow tests too, with many random inputs")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Without paths: no slow tests, and a process for each core. This is before pytest-xdist reads its options."""
    if hasattr(config, "workerinput"):  # a worker takes what its controller chose, and starts no workers of its own
        config.option.markexpr = config.workerinput["markexpr"]
        return
    option, everything = config.option, config.args_source is not config.ArgsSource.TESTPATHS
    if not option.full and not everything and not option.markexpr:
        option.markexpr = "not slow"
    if config.pluginmanager.hasplugin("xdist"):
        option.loadscopereorder = False
        if option.numprocesses is None and not everything and not option.usepdb:
            option.numprocesses = min(len(os.sched_getaffinity(0)), MOST)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long; runs with --full, or where its file or folder is named")
    for name, amounts in BUDGETS.items():  # before modules read them
        os.environ.setdefault(name, str(amounts[config.option.full]))
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the processes that are started
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # files that were made go, as after Ctrl-C


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """A worker reads its own arguments, which do not have the expression that was chosen here."""
    node.workerinput["markexpr"] = node.config.option.markexpr


def pytest_report_header(config):
    amounts = ", ".join(f"{name}={os.environ[name]}" for name in BUDGETS)
    return f"{amounts}{'; --full for many, and the slow tests' if config.option.markexpr == 'not slow' else ''}"


def pytest_collection_modifyitems(config, items):
    first = LONGEST if hasattr(config, "workerinput") else ()
    items.sort(key=lambda item: (first + ORDER).index(folder(item.nodeid)))


def folder(nodeid):
    """The folder below tests/ that a test is in."""
    return nodeid.partition("tests/")[2].partition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests run in one process, except those of SPLIT; a folder's in one where they share what takes long."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return folder(nodeid) if folder(nodeid) in LONGEST else nodeid if file.endswith(SPLIT) else file

    return ByFile(config, log)


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(20260101)


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """Tests mean the CPU on machines with a GPU too, as do the processes that they start; tests/device wants it."""
    monkeypatch.setattr(cuda_driver, "count", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    if "cuda" in kernels.available():
        kernels.available.cache_clear()
