"""Cases of training steps, tangents and samples: tinygan and PyTorch, then measurements of some cases only (threads, NumPy
alone, a step with the constraint, memory).

The losses and gradients of the first step are checked first. Those in float32 must agree with those in float64 on the reference
backend, for tinygan and for each version of PyTorch, from the same weights, data and noise. The error of a gradient is
‖a − b‖ / ‖b‖ over all its entries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench import memory
from bench.child import child
from bench.contest import CallCost, contest
from bench.opponents import peers_of
from bench.ours import Options, inside, under
from bench.race import race
from bench.rows import Aim, Row, Wrong, per_round
from bench.systems import CONSTRAINED, OURS, STEPS

# By the first word of a figure's name. Rounding moves a few of a network's million ReLU inputs across 0, which alone changes a
# gradient by parts in a thousand: 4e-3 in dcgan32_step and 6e-3 in dcgan64_step, for float32 on the reference backend itself.
BOUNDS = {"loss": 1e-4, "value": 1e-4, "gradient": 2e-2, "update": 4e-2, "images": 1e-3}
TARGETS = {"dcgan32_step": 2.2, "wgan_gp_step": 2.5, "r1_step": 2.0, "orthonormal_k8": 2.2, "sngan32_step": 2.5}
OF_NUMPY = 0.4  # target of the reference backend in dcgan32_step, against eager PyTorch
OF_MEMORY = {"dcgan32_step": 0.7, "orthonormal_k8": 0.7}
OF_PLAIN = ", times the plain step"
OF_THREADS = {"dcgan32_step": 1.8}  # from one thread to two


def run(options: Options, name: str) -> Iterator[Row | Aim]:
    ours, peers, row = measure(options, name)
    yield row
    aims: list[Aim] = []
    if options.backend == "jit" and name in OF_THREADS and options.threads > 1:
        row_of_threads = scaling(options, ours)
        yield row_of_threads
        aims.append(Aim("1 thread to all", row_of_threads.figures["times faster"], OF_THREADS[name]))
    if options.backend == "jit" and options.against and name == "dcgan32_step":
        faster, notes = numpy_alone(options, name)
        yield Row("NumPy alone, in a process of its own", figures={"times faster": faster}, notes=notes)
        aims.append(Aim("NumPy alone to eager PyTorch", faster, OF_NUMPY))
    if name == "orthonormal_k8":
        row_of_steps = constrained_steps(options)
        yield row_of_steps
        aims += [Aim(what, got, most=True) for what, got in row_of_steps.figures.items() if what.endswith(OF_PLAIN)]
    if options.against:
        used = memory.measure(options, name, min((p for p in peers if "compile" not in p), key=peers.__getitem__))
        yield used
        aims.append(
            Aim(
                "peak memory to eager PyTorch",
                used.figures["of PyTorch"],
                OF_MEMORY.get(name) if options.backend == "jit" else None,
                most=True,
            )
        )
    yield from aims
    yield headline(options, name, row)


def headline(options: Options, name: str, row: Row) -> Aim:
    ratio = row.ratio.median if row.ratio is not None else None
    if options.backend == "jit":
        return Aim("against the fastest PyTorch", ratio, TARGETS.get(name))
    target = OF_NUMPY if (options.backend, name) == ("reference", "dcgan32_step") else None
    return Aim("against the fastest eager PyTorch" if target else "against the fastest PyTorch", ratio, target)


def numpy_alone(options: Options, name: str) -> tuple[float, list[str]]:
    """The ratio of the reference backend to eager PyTorch; NaN and the reason if that failed."""
    try:
        return child(name, "--backend", "reference", *child_options(options))["rows"][0]["ratio"], []
    except Wrong as error:
        return math.nan, [str(error)]


def child_options(options: Options) -> list[str]:
    """The command-line options of a child process with the same settings."""
    rounds = ["--rounds", str(options.rounds)] if options.rounds else []
    return ["--against", "torch", "--threads", str(options.threads), *rounds]


def measure(options: Options, name: str) -> tuple[Callable[[], Any], dict[str, float], Row]:
    """Check a case, then time it. Returns tinygan's call, the seconds of each timed peer, and the row."""
    ours, truth, errors = checked(options, OURS[name])
    peers, notes = {}, []
    for peer, build in makers(options, name).items():
        try:
            theirs = build()
            off = {f: e for f, e in distances(first(theirs, name), truth).items() if not e <= limit(f)}
        except Exception as error:  # a failure of torch.compile is a result too
            off = {str(error).strip().splitlines()[0][:100] if str(error).strip() else type(error).__name__: None}
        if off:
            notes.append(
                f"{peer} is not timed: " + ", ".join(f if e is None else f"{f} is {e:.1e} off" for f, e in off.items())
            )
        else:
            peers[peer] = theirs
    if options.against and not peers:
        raise Wrong(f"wrong, not timed: no version of PyTorch agrees: {'; '.join(notes)}")
    row = contest(name, {options.backend: inside(options, ours)}, peers, options, CallCost(ours.flop()))
    row.figures |= {f"{figure} error": error for figure, error in errors.items()}
    row.notes += notes
    return inside(options, ours), {peer: row.times[peer].median for peer in peers if peer in row.times}, row


def checked(options: Options, make: Callable[..., Any]) -> tuple[Any, dict[str, Any], dict[str, float]]:
    """tinygan's call, the figures of its first call in float64 on the reference backend, and the errors from them."""
    with under(replaced(options, "reference")):
        truth = make(dtype=np.float64).first()
    with under(options):
        ours = make()
        errors = distances(ours.first(), truth)
    for figure, error in errors.items():
        if not error <= limit(figure):
            raise Wrong(
                f"wrong, not timed: {figure} has error {error:.1e} against float64 of the reference, bound {limit(figure):.0e}"
            )
    return ours, truth, errors


def constrained_steps(options: Options) -> Row:
    """Time DCGAN-32's step with orthonormal tangents against the plain step."""
    makes = {"plain step": STEPS["dcgan32_step"], **CONSTRAINED}
    calls = {what: inside(options, checked(options, make)[0]) for what, make in makes.items()}
    row = contest("DCGAN-32 step with the constraint", calls, {}, options, CallCost())
    row.figures |= {what + OF_PLAIN: per_round(row.times["plain step"], row.times[what]).median for what in CONSTRAINED}
    return row


def first(theirs: Any, name: str) -> dict[str, Any]:
    """A peer's first step; in training with the same noise as tinygan's."""
    return theirs.first(*OURS[name]().noise()) if name in STEPS else theirs.first()


def makers(options: Options, name: str) -> dict[str, Callable[[], Any]]:
    """Peers by name. For the reference backend only eager PyTorch, because its target refers to that."""
    if not options.against:
        return {}
    found = peers_of(name)
    if options.backend == "reference":
        return {peer: make for peer, make in found.items() if "compile" not in peer}
    return found


def distances(a: dict[str, Any], b: dict[str, Any]) -> dict[str, float]:
    """‖a − b‖ / ‖b‖ of each figure; infinite for a figure that is missing, infinite or has another shape."""
    return {name: distance(np.asarray(a.get(name, np.nan)), np.asarray(truth)) for name, truth in b.items()}


def distance(a: Any, b: Any) -> float:
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    return float(np.linalg.norm((a - b).ravel()) / np.linalg.norm(b.ravel()))


def limit(figure: str) -> float:
    return BOUNDS[figure.split("_")[0]]


def replaced(options: Options, backend: str) -> Options:
    return Options(options.against, backend, options.threads, options.rounds, options.command)


def scaling(options: Options, ours: Callable[[], Any]) -> Row:
    """Time the same steps on one thread and on all."""
    names = "1 thread", f"{options.threads} threads"
    times = race({names[0]: inside(options, ours, threads=1), names[1]: ours}, options.rounds or 10)
    faster = per_round(times[names[1]], times[names[0]]).median
    return Row("threads", times, figures={"times faster": faster})
