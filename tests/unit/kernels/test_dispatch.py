"""The dispatcher: which backends there are, and how exact they are."""

import importlib.machinery
import importlib.metadata
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

from tinygan import kernels
from tinygan.cli import main
from tinygan.errors import UsageError

JIT = "jit" in kernels.available()


@pytest.fixture
def without_numba(monkeypatch):
    """A process in which numba is not installed."""
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delenv("TINYGAN_CPU", raising=False)
    kernels.available.cache_clear()
    yield
    kernels.available.cache_clear()


def test_without_numba_there_is_no_jit_and_asking_for_it_says_what_to_install(without_numba):
    assert kernels.available() == ("reference",)
    assert kernels.choose("auto") == kernels.cpu_backend() == "reference"
    with pytest.raises(UsageError, match=r"backend 'jit' needs numba 0.62 or later: pip install 'tinygan\[jit\]'"):
        kernels.choose("jit")
    with pytest.raises(UsageError, match="needs numba"), kernels.on_cpu("jit"):
        pass


def test_a_run_of_jit_opened_without_numba_says_what_to_install(without_numba, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--steps", "1", "--out", "RUN", "--batch", "2", "--set", "width=2"]) == 0
    text = (tmp_path / "RUN/config.toml").read_text()
    (tmp_path / "RUN/config.toml").write_text(text.replace('backend = "reference"', 'backend = "jit"'))
    for line in ("sample RUN", "train --resume --out RUN --steps 2"):
        capsys.readouterr()
        assert main(line.split()) == 2
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1 and "pip install 'tinygan[jit]'" in errors


@pytest.mark.skipif(not JIT, reason="numba is not installed")
@pytest.mark.parametrize(
    ("version", "there"), [("0.61.2", False), ("0.62.0rc1", True), ("0.100", True), ("1.0.dev0", True)]
)
def test_an_old_numba_is_none(version, there, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    kernels.available.cache_clear()
    assert ("jit" in kernels.available()) == there
    kernels.available.cache_clear()


@pytest.mark.skipif(not JIT, reason="numba is not installed")
def test_which_backends_there_are_is_found_without_importing_them():
    code = "import sys; from tinygan import kernels; print(kernels.available(), {'numba', 'llvmlite'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "('jit', 'reference') set()\n"


def test_a_backend_that_does_not_load_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinygan.kernels.jit.operations", None)
    kernels._module.cache_clear()
    with pytest.raises(UsageError, match=r"backend 'jit' cannot be loaded \(.*\): use --backend reference"):
        kernels._module("jit")


@pytest.mark.parametrize("name", ["auto", "", None])
def test_auto_is_the_environments_choice_else_the_best(name, monkeypatch):
    monkeypatch.setenv("TINYGAN_CPU", "reference")
    assert kernels.choose("auto") == "reference"
    monkeypatch.delenv("TINYGAN_CPU")
    if name is not None:
        monkeypatch.setenv("TINYGAN_CPU", name)
    assert kernels.choose("auto") == kernels.available()[0]
    assert kernels.cpu_backend() == ("jit" if JIT else "reference")


def test_precision_is_the_blocks_else_the_environments_else_fast(monkeypatch):
    monkeypatch.delenv("TINYGAN_PRECISION", raising=False)
    assert kernels.precision_in_force() == "fast"
    with kernels.precision("direct"):
        assert kernels.precision_in_force() == "direct"
        with kernels.precision("auto"):
            assert kernels.precision_in_force() == "fast"
        assert kernels.precision_in_force() == "direct"
        seen = []
        thread = threading.Thread(target=lambda: seen.append(kernels.precision_in_force()))
        thread.start()
        thread.join()
        assert seen == ["fast"], "a block is of its own thread"
    monkeypatch.setenv("TINYGAN_PRECISION", "direct")
    assert kernels.precision_in_force() == "direct"
    with kernels.precision("fast"):
        assert kernels.precision_in_force() == "fast"


def test_an_unknown_precision_is_refused_with_the_choices(monkeypatch):
    with pytest.raises(UsageError, match="unknown precision 'exact': choose one of auto, fast, direct"):
        kernels.choose_precision("exact")
    with pytest.raises(UsageError), kernels.precision("exact"):
        pass
    monkeypatch.setenv("TINYGAN_PRECISION", "exact")
    with pytest.raises(UsageError, match="choose one of auto, fast, direct"):
        kernels.precision_in_force()


def test_a_backend_is_chosen_for_a_block():
    before = kernels.cpu_backend()
    with kernels.on_cpu("reference"):
        assert kernels.backend(np.zeros(1)).__name__ == "tinygan.kernels.reference"
    assert kernels.cpu_backend() == before


@pytest.fixture
def cupy_without_a_gpu(monkeypatch):
    """CuPy is installed and there is no driver, or a driver and no GPU."""
    monkeypatch.setitem(sys.modules, "cupy", types.ModuleType("cupy", ""))
    sys.modules["cupy"].__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    monkeypatch.setattr(importlib.import_module("tinygan.kernels.cuda.driver"), "count", lambda: 0)
    monkeypatch.delenv("TINYGAN_CPU", raising=False)
    kernels.available.cache_clear()
    yield
    kernels.available.cache_clear()


def test_without_a_gpu_auto_is_the_cpu_and_cuda_says_what_is_missing(cupy_without_a_gpu):
    assert "cuda" not in kernels.available()
    assert kernels.choose("auto") == kernels.cpu_backend()
    with pytest.raises(UsageError, match="needs an NVIDIA GPU, but the driver found none: use --backend auto"):
        kernels.choose("cuda")
    with pytest.raises(UsageError, match="found none"):
        kernels.graphs()


def test_without_cupy_cuda_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    kernels.available.cache_clear()
    with pytest.raises(UsageError, match=r"backend 'cuda' needs cupy 14 or later: pip install 'tinygan\[cuda13\]'"):
        kernels.choose("cuda")
    kernels.available.cache_clear()


def test_an_old_cupy_is_none(monkeypatch, cupy_without_a_gpu):
    """Its wheels have names of their own."""

    def version(name):
        if name != "cupy-cuda12x":
            raise importlib.metadata.PackageNotFoundError(name)
        return "13.6.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert kernels.lacks("cuda") == "needs cupy 14 or later: pip install 'tinygan[cuda13]'"


def test_beside_a_gpu_the_cpu_has_its_own_backend():
    for name in ("jit", "reference"):
        assert kernels.beside(name) == name
    with kernels.on_cpu("cuda"):  # with or without a GPU
        assert kernels.cpu_backend() in ("jit", "reference")
