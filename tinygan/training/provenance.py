"""What a run or a result was computed with: versions, processor, BLAS, threads, backend, precision.

``report`` is for people (``tinygan info``), ``provenance`` for result files, ``fingerprint`` for train.log.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from tinygan import __version__, kernels

OPTIONAL = ("numba", "cupy-cuda12x", "cupy-cuda13x", "tqdm", "pillow", "matplotlib")
FEATURES = ("sse2", "avx", "avx2", "fma", "avx512f", "asimd")  # the vector instructions that kernels use


def report() -> dict[str, str]:
    """Name → value, each one line. Of the optional packages only those of the compiled backend are imported."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    here = in_force()
    return {
        "tinygan": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "optional": ", ".join(f"{name} {_version(name)}" for name in OPTIONAL),
        "system": platform.platform(),
        "cpu": f"{_cpu('model name') or platform.processor() or platform.machine()} ({_features()})",
        "cores": f"{_cores()} usable of {os.cpu_count()}",
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "blas threads": ", ".join(f"{key}={os.environ[key]}" for key in _thread_keys()) or "chosen by the BLAS",
        "backend": f"{here['backend']} (there are {', '.join(kernels.available())})",
        "precision": here["precision"],
        "gpu": _gpu(),
        **(_compiled() if "jit" in kernels.available() else {}),
    }


def provenance(*more: str) -> dict[str, Any]:
    """What a result file records: date, commit, machine, threads, backend, precision, versions (``more``: further packages)."""
    about = report()
    versions = {"python": about["python"], "tinygan": about["tinygan"]} | versions_of(
        "numpy", "numba", "llvmlite", *more
    )
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": f"{about['cpu']}, {about['cores']}",
        "threads": about.get("threads", "1"),
        **in_force(),
        "versions": versions,
    }


def commit(root: Path = Path(__file__).parents[2]) -> str:
    """The commit of the checkout, followed by "with changes" where files differ from it; "unknown" for an installed package."""
    if not (root / ".git").exists():  # otherwise git would name the project around it
        return "unknown"
    try:
        name, changes = (
            subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
            for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "*.py"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + (" with changes" if changes else "")


def fingerprint(backend: str) -> str:
    """What a training runs on, in one line of train.log; the same bits are promised only where this line is the same."""
    facts = {"tinygan": __version__, "numpy": np.__version__, "Python": platform.python_version(), **in_force(backend)}
    return ", ".join([*(f"{name} {value}" for name, value in facts.items()), platform.machine()])


def in_force(backend: str = "") -> dict[str, str]:
    """The backend and the precision of kernels. A run on "cuda" names it; otherwise it is the backend of the CPU."""
    return {
        "backend": backend if backend == "cuda" else kernels.cpu_backend(),
        "precision": kernels.precision_in_force(),
    }


def versions_of(*names: str) -> dict[str, str]:
    """The installed versions of packages; "-" for one that is not installed."""
    return {name: _version(name) for name in names}


def _gpu() -> str:
    """The GPU that can train, or why there is none."""
    if why := kernels.lacks("cuda"):
        return f"none: backend 'cuda' {why}"
    device = importlib.import_module("tinygan.kernels.cuda.driver").Device()
    return f"{device.name}, {device.arch}"


def _compiled() -> dict[str, str]:
    """What the compiled backend found on this machine."""
    try:
        build, cpu = (importlib.import_module(f"tinygan.kernels.jit.{name}") for name in ("compile", "cpu"))
    except ImportError as error:
        return {"jit": f"cannot be loaded: {' '.join(str(error).split())}"}
    return {
        "vectors": f"{cpu.width()} bytes",
        "threads": str(cpu.threads()),
        "kernel cache": str(build.cache_folder() or "none: there is no home folder"),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "-"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _thread_keys() -> list[str]:
    return [key for key in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS") if key in os.environ]


def _features() -> str:
    known = (_cpu("flags") or _cpu("Features")).split()
    return " ".join(f for f in FEATURES if f in known) or "features unknown"


def _cpu(key: str) -> str:
    """A value of /proc/cpuinfo; empty where it has none."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == key), "")
