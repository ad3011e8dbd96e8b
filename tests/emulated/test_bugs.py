"""The emulator catches what it is there for: bugs planted in the kernels' own text, one line each."""

import numpy as np
import pytest

from tinygan.kernels.cuda import plan

from . import emulator as emu
from .test_convolution import BOUNDS, Case

pytestmark = pytest.mark.slow

ONE = """#include "igemm.cuh"
using ConvArgs = Args<Patches, Matrix, 1>;
TG_KERNEL(conv2d_fp32_small4, ConvArgs, Small::THREADS, igemm<Small, Fp32, 4, ConvArgs>)
TG_KERNEL(conv2d_tf32_small4, ConvArgs, Small::THREADS, igemm<Small, Tf32, 4, ConvArgs>)
TG_KERNEL(join_splits, JoinArgs, JOIN_THREADS, join)
"""
CHOICE = plan.Choice("small", 4, 1)
BARRIER = "__syncthreads(); // slice i is there for all"
BUGS = {  # what is wrong: file, text that stands there once, text instead
    "no barrier": ("igemm.cuh", BARRIER, "// slice i is there for all"),
    "half of the block skips the barrier": ("igemm.cuh", BARRIER, "if (threadIdx.x < 64) " + BARRIER),
    "a wait too short": ("igemm.cuh", "tg::wait<T::STAGES - 2>()", "tg::wait<T::STAGES - 1>()"),
    "a slice written while it is read": (
        "igemm.cuh",
        "fetch(i + T::STAGES - 1);\n",
        "fetch(i + T::STAGES);\n",
    ),
    "a copy that nobody waits for": ("igemm.cuh", "if (i < slices) {", "if (i < slices + 1) {"),
    "a product inside a branch": (
        "arithmetic.cuh",
        "tg::mma(sum, left, right);",
        "if (t < 3) tg::mma(sum, left, right);",
    ),
    "fragments with rows exchanged": (
        "arithmetic.cuh",
        "g + 8 * (e % 2), k + t + 4 * (e / 2)",
        "g + 8 * (e / 2), k + t + 4 * (e % 2)",
    ),
    "no rounding to TF32": ("arithmetic.cuh", "__float_as_uint(x) + 0x1000u", "__float_as_uint(x)"),
    "a line of shared memory too short": (
        "arithmetic.cuh",
        "LENGTH + (DEPTH_FASTEST ? 4 : 8)",
        "LENGTH + (DEPTH_FASTEST ? 2 : 8)",
    ),
    "the bottom of the image not watched": ("maps.cuh", "unsigned(r.y + d.y) < unsigned(H) && ", ""),
    "the bias on every row": ("igemm.cuh", "&& m < problem.biased", ""),
    "padding on the wrong side": ("maps.cuh", "y = sh * i - top", "y = sh * i + top"),
}


def mutant(file, old, new):
    text = (emu.SOURCES / file).read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    headers = {path.name: path.read_text() for path in emu.SOURCES.glob("*.cuh")} | {file: text.replace(old, new)}
    return emu.Emulator(emu.build(ONE, (*emu.PLAIN[1:], "-O1"), tuple(headers.items())))


def verdicts(emulator):
    """What is noticed: broken rules, wrong or not finite results, or results that depend on the schedule."""
    case = Case(4, (9, 9), (20, 68), (4, 3), (2, 2), ((1, 2), (2, 1)), seed=3, points=2)
    want, noticed = case.truth("conv2d"), set()
    for arithmetic in ("fp32", "tf32"):
        found = []
        for schedule in ("forward", "reverse", "random"):
            try:
                found.append(case.run(emulator, "conv2d", arithmetic, CHOICE, schedule=schedule))
            except emu.Broken as broken:
                noticed.add(f"{arithmetic} {schedule}: {broken}")
        bound = BOUNDS[arithmetic] if arithmetic == "fp32" else 4e-4
        noticed |= {
            f"{arithmetic} wrong" for y in found if not np.linalg.norm(y - want) <= bound * np.linalg.norm(want)
        }
        noticed |= {f"{arithmetic} depends" for y in found if not np.array_equal(y, found[0], equal_nan=True)}
    return noticed


def test_nothing_is_noticed_of_the_kernels_as_they_are():
    assert verdicts(mutant("igemm.cuh", BARRIER, BARRIER)) == set()


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(bug):
    noticed = verdicts(mutant(*BUGS[bug]))
    print(bug, *sorted(noticed), sep="\n  ")
    assert noticed
