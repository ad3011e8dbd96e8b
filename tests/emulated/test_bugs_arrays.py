"""Bugs planted in the kernels of activations, norms and Adam are noticed too, one line each."""

import numpy as np
import pytest

from tinygan.kernels import reference
from tinygan.kernels.cuda import plan_flat, plan_norm

from . import emulator as emu
from .test_adam import HOW, rates, state, truth

pytestmark = pytest.mark.slow

HERE, OVER = "__syncthreads(); // all values are there", "__syncthreads(); // this round is over"
MERGE = "if (lane + half < n) shared[t].merge(shared[t + half * apart]);\n        "
BUGS = {  # what is wrong: whose kernels show it; file, text that stands there once, text instead
    "no barrier before a reduction": ("norm.cu", "flat.cuh", HERE, ""),
    "no barrier between its rounds": ("norm.cu", "flat.cuh", OVER, ""),
    "a barrier that only merging threads reach": (
        *("norm.cu", "flat.cuh", MERGE + OVER),
        "if (lane + half < n) {\nshared[t].merge(shared[t + half * apart]);\n" + OVER + "\n}",
    ),
    "an odd lane forgotten": ("norm.cu", "flat.cuh", "half = (n + 1) / 2", "half = n / 2"),
    "elements beyond the last": ("norm.cu", "norm.cuh", "min(start + share.run, sizes.count)", "start + share.run"),
    "means merged without their distance": ("norm.cu", "norm.cuh", "weight = d * n * part", "weight = 0"),
    "nothing merged with nothing": ("norm.cu", "norm.cuh", "if (other.n == 0) return;", ""),
    "a mean of float32 alone": ("norm.cu", "norm.cuh", "(x - mean[at]) - rest[at]", "x - mean[at]"),
    "moments of x itself": ("norm.cu", "norm.cu", "sizes.centre && sizes.count ?", "sizes.centre > 1 ?"),
    "a grid that steps too far": ("adam.cu", "flat.cuh", "gridDim.x * THREADS * V;", "gridDim.x * THREADS * V + V;"),
    "the average of the old parameters": ("adam.cu", "adam.cu", "args.c * theta.at[j]", "args.c * args.theta[i + j]"),
    "a curve without its slope": ("pointwise.cu", "pointwise.cu", "s * (1 - s) * fmaf(x, fmaf", "s * fmaf(x, fmaf"),
}


def library(kernels, file, old, new):
    """The kernels of a file, of activations silu alone, with ``new`` for ``old`` in ``file``."""
    texts = {path.name: path.read_text() for path in emu.SOURCES.glob("*.cu*")}
    assert texts[file].count(old) == 1, f"{old!r} stands {texts[file].count(old)} times in {file}"
    texts[file] = texts[file].replace(old, new)
    lines = [line for line in texts[kernels].splitlines() if not line.startswith("ACTIVATION(") or "Silu" in line]
    headers = tuple((name, texts[name]) for name in ("flat.cuh", "norm.cuh"))
    return emu.Emulator(emu.build("\n".join(lines), (*emu.PLAIN[1:], "-O1"), headers))


def cases(kernels):
    """(operation, arrays, results in float64)."""
    rng = np.random.default_rng(0)
    if kernels == "adam.cu":
        n = plan_flat.BLOCKS * plan_flat.THREADS + 5
        arrays = state(n, 0)
        yield plan_flat.adam(n, **HOW, decay=0.99), arrays | {"rates": rates(2)}, truth(arrays, 2)
    elif kernels == "pointwise.cu":
        S, G = rng.standard_normal((2, 3, 40), np.float32)
        want = reference.pointwise_dx(S.astype(float), G.astype(float), "silu", 0)
        yield plan_flat.pointwise_dx(S.shape, "silu", 0), {"s": S, "g": G}, [want]
    else:
        for sizes in ((1, 37, 5, 1), (1, 9, 5, 1), (1, 5001, 3, 1), (3, 1, 1, 50)):
            X = (1000 + rng.standard_normal((3, *sizes))).astype(np.float32)
            want, _ = reference.normalise(X.astype(float), None, None, sizes, 1e-5, centre=True)
            yield plan_norm.normalise(X.shape, sizes, 1e-5, centre=True), {"x": X}, [want]


def verdicts(kernels, emulator):
    """What is noticed: broken rules, wrong or not finite results, or results that depend on the schedule."""
    noticed = set()
    for operation, arrays, want in cases(kernels):
        found = []
        for schedule in emu.SCHEDULES:
            try:
                found.append(emulator.apply(operation, schedule=schedule, **arrays))
            except emu.Broken as broken:
                noticed.add(f"{schedule}: {broken}")
        for results in found:
            for a, b, first in zip(results, want, found[0], strict=False):
                noticed |= {"wrong"} if not np.linalg.norm(a - b) <= 2e-6 * np.linalg.norm(b) else set()
                noticed |= {"depends"} if not np.array_equal(a, first, equal_nan=True) else set()
    return noticed


@pytest.mark.parametrize("kernels", ["norm.cu", "adam.cu", "pointwise.cu"])
def test_nothing_is_noticed_of_the_kernels_as_they_are(kernels):
    assert verdicts(kernels, library(kernels, "flat.cuh", HERE, HERE)) == set()


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(bug):
    kernels, *change = BUGS[bug]
    noticed = verdicts(kernels, library(kernels, *change))
    print(bug, *sorted(noticed), sep="\n  ")
    assert noticed
