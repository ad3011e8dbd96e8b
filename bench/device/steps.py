"""The cuda backend on a GPU: comparison with NumPy, and training steps, each as one CUDA graph."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench import systems
from tinygan import kernels
from tinygan.checks.cases import CASES
from tinygan.data import Batch
from tinygan.recipes import RECIPES
from tinygan.training.execution import GraphExecutor

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/emulated"))

SYSTEMS = ("dcgan32_step", "dcgan64_step", "sngan32_step")
PRECISIONS = ("direct", "fast", "tf32")
RUNS, REPEATS = 5, 30


def backend() -> Iterator[dict[str, Any]]:
    """Compare operations, layers and systems on the device with NumPy in float64, as the tests do on the emulator."""
    import device_checks as checks

    with kernels.precision("direct"):
        for kind, names, check in (
            ("operation", checks.OPERATIONS, checks.operation),
            ("layer", CASES, checks.layer),
        ):
            for name in names:
                yield tried(kind, name, lambda name=name, check=check: (check(name), ""), checks.BOUND)
        for name, entry in RECIPES.items():
            if entry.device:
                yield tried("system", name, lambda name=name: checks.steps(*checks.system(name), kinks=checks.KINKS), 1)
    for precision in ("direct", "fast"):
        with kernels.precision(precision):
            yield tried(
                "system", f"dcgan-32, {precision}", lambda: checks.steps(*checks.dcgan32(), kinks=checks.KINKS), 1
            )


def tried(kind: str, name: str, check: Callable[[], tuple[float, str]], bound: float) -> dict[str, Any]:
    """Run a check: its error over its bound, or the exception that it raised."""
    try:
        off, where = check()
    except Exception as error:
        return {"kind": kind, "name": name, "right": False, "why": f"{type(error).__name__}: {error}"[:300]}
    return {"kind": kind, "name": name, "of its bound": off / bound, "where": where, "right": off <= bound}


def steps(names: tuple[str, ...] = SYSTEMS) -> Iterator[dict[str, Any]]:
    """Microseconds of a step: of the graph alone, as PyTorch's are timed, and with a batch and noise sent from the CPU."""
    for name in names:
        for precision in PRECISIONS:
            ours = systems.STEPS[name]()
            batch = Batch(ours.real, {})
            with kernels.precision(precision):
                device = GraphExecutor(ours.system, ours.state)
                rng = np.random.default_rng(2)
                device.step(batch, rng)
            graph = device.captured

            def replayed(graph: Any = graph) -> None:
                graph.graph.launch(graph.stream)

            def whole(device: Any = device, batch: Any = batch, rng: Any = rng) -> None:
                device.step(batch, rng)

            us, fed = (timed(call, graph.stream) for call in (replayed, whole))
            log = device.log()
            yield {
                "system": name,
                "precision": precision,
                "us": us,
                "us with inputs": fed,
                "GFLOP": ours.flop() / 1e9,
                "TFLOP/s": ours.flop() / us / 1e6,
                **{key: value for key, value in log.items() if key.startswith("loss")},
                "right": all(np.isfinite(value) for value in log.values()),
            }


def timed(call: Callable[[], Any], stream: Any, repeats: int = REPEATS) -> float:
    """Microseconds of a call by the CPU's clock: the median over runs of ``repeats`` calls."""
    times = []
    for _ in range(RUNS + 1):  # the first is a warm-up
        stream.synchronize()
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        stream.synchronize()
        times.append((time.perf_counter() - start) * 1e6 / repeats)
    return statistics.median(times[1:])
