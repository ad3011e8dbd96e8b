"""Case ``import``: the start time of a new process, and the size of an installation.

Times are those of whole processes, from the start of the interpreter to its end, in turn. The first step is one of dcgan32_step
including the import: cold with an empty folder of compiled kernels ($TINYGAN_CACHE), warm with a folder that an earlier
process has filled. The installed size is that of the files of the package and of its dependencies, without bytecode caches.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.child import ROOT, python
from bench.ours import Options
from bench.race import once
from bench.rows import Aim, Row, Times, per_round

OURS, THEIRS = "import tinygan.training.loop, tinygan.recipes, tinygan.layers", "import torch"
STEP = """
from bench.systems import OURS
from tinygan import kernels
with kernels.on_cpu({backend!r}):
    OURS["dcgan32_step"]()()
"""
NEEDS = {"reference": ("numpy",), "jit": ("numpy", "llvmlite")}
COLD, WARM = 15.0, 2.0  # seconds


def run(options: Options) -> Iterator[Row | Aim]:
    with tempfile.TemporaryDirectory() as folder:
        step = STEP.format(backend=options.backend)

        def first(cache: str) -> float:
            return once(lambda: python("-c", step, TINYGAN_CACHE=str(Path(folder, cache))))

        yield size(options)
        cold = Times(first(f"cold{i}") for i in range(options.rounds or 3))
        first("warm")
        warm = Times(first("warm") for _ in range(options.rounds or 5))
    yield Row("first step of a fresh process", {"cold cache": cold, "warm cache": warm})
    row = imports(options)
    yield row
    judged = options.backend == "jit"
    yield Aim("first step, cold cache", cold.median, COLD if judged else None, most=True, unit=" s")
    yield Aim("first step, warm cache", warm.median, WARM if judged else None, most=True, unit=" s")
    yield Aim("import against PyTorch's", row.ratio.median if row.ratio is not None else None)


def imports(options: Options) -> Row:
    """Time processes that only import."""
    whose = {"import tinygan": OURS} | ({"import torch": THEIRS} if options.against else {})
    times: dict[str, list[float]] = {name: [] for name in whose}
    for code in whose.values():
        python("-c", code)  # fills the page cache and writes bytecode
    for _ in range(options.rounds or 9):
        for name, code in whose.items():
            times[name].append(once(lambda code=code: python("-c", code)))
    row = Row("import", {name: Times(seconds) for name, seconds in times.items()})
    if options.against:
        row.against, row.ratio = "import torch", per_round(*row.times.values())
    return row


def size(options: Options) -> Row:
    """The installed size in MB."""
    ours = sum(on_disk(path) for room in ("tinygan", "kernels") for path in (ROOT / room).rglob("*"))
    needs = {name: installed(name) for name in NEEDS[options.backend]}
    figures = {"tinygan MB": ours / 1e6} | {f"{name} MB": megabytes for name, megabytes in needs.items()}
    if options.against:
        figures["torch MB"] = installed("torch")
    return Row("installed size", figures=figures)


def on_disk(path: Path) -> int:
    return path.stat().st_size if path.is_file() and "__pycache__" not in path.parts else 0


def installed(distribution: str) -> float:
    """The size of a distribution's files, in MB."""
    files = importlib.metadata.files(distribution) or []
    return sum(on_disk(Path(str(file.locate()))) for file in files) / 1e6
