"""The kernels under GCC's sanitizers, each run a process of its own into which they are loaded first.

AddressSanitizer and UndefinedBehaviorSanitizer: no access beyond an array, none misaligned. ThreadSanitizer: no two threads of
a block meet in memory without a barrier between them. (Blocks run one after another: races between them do not show.)
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tinygan.kernels.cuda import plan

from . import emulator as emu
from . import test_bugs, test_bugs_arrays

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "sanitized.py"
HEADERS = {path.name: path.read_text() for path in emu.SOURCES.glob("*.cuh")}


# ---------------------------------------------------------------- runs


class Sanitizer(NamedTuple):
    """What is loaded, how kernels are compiled, and what it is told."""

    library: str
    options: tuple
    environment: dict


ADDRESS = Sanitizer(
    "libasan.so",
    emu.SANITIZED,
    {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0:detect_stack_use_after_return=0"},
)
THREAD = Sanitizer("libtsan.so", emu.RACES, {"TSAN_OPTIONS": "exitcode=9:halt_on_error=1"})


@cache
def fixed():
    """What runs a command at addresses that are not random, where that may be: ThreadSanitizer's memory has fixed places."""
    words = ("setarch", "-R")
    try:
        return words if subprocess.run([*words, "true"], capture_output=True).returncode == 0 else ()
    except FileNotFoundError:
        return ()


class Run(NamedTuple):
    """sanitized.py with some words, on the kernels of a text; ``headers`` stand in for those that are there."""

    sanitizer: Sanitizer
    text: str
    words: tuple
    headers: dict = HEADERS

    def outcome(self):
        """(exit status, what was said)."""
        asked = ["g++", f"-print-file-name={self.sanitizer.library}"]
        preload = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
        if not Path(preload).is_absolute():
            pytest.skip(f"g++ has no {self.sanitizer.library} here")
        library = emu.build(self.text, self.sanitizer.options, tuple(self.headers.items()))
        env = {"LD_PRELOAD": preload, "PYTHONMALLOC": "malloc", "TINYGAN_CPU": "reference", "OPENBLAS_NUM_THREADS": "1"}
        env |= {"PYTHONPATH": os.fspath(Path(emu.kernels.__file__).parents[1])} | self.sanitizer.environment
        words = [*fixed(), sys.executable, SCRIPT, library, *self.words]
        done = subprocess.run(words, env=os.environ | env, capture_output=True, text=True, timeout=300)
        if "ThreadSanitizer: unexpected memory mapping" in done.stderr:
            pytest.skip("ThreadSanitizer cannot have its memory here: setarch -R is not allowed")
        return done.returncode, done.stdout + done.stderr


def only(tiles, arithmetic="Fp32"):
    """conv.cu with the kernels of one arithmetic and of these tiles alone."""
    head = (emu.SOURCES / "conv.cu").read_text().split("#define TILES")[0]
    args = {"conv2d": "ConvArgs", "conv2d_dx": "ConvDxArgs", "conv2d_dw": "ConvDwArgs"}
    kernels = [
        f"TG_KERNEL({name}_{arithmetic.lower()}_{tile}{v}, {a}, {tile.title()}::THREADS, "
        f"igemm<{tile.title()}, {arithmetic}, {v}, {a}>)"
        for name, a in args.items()
        for tile in tiles
        for v in (4, 1)
        if (tile, v) != ("large", 1)
    ]
    return "\n".join([head, *kernels, "TG_KERNEL(join_splits, JoinArgs, JOIN_THREADS, join)"])


def text_of(*files):
    """Of matmul.cu the kernels of FP32 alone."""
    text = "".join((emu.SOURCES / file).read_text() for file in files)
    return "\n".join(line for line in text.splitlines() if not line.startswith("TILES(") or "fp32" in line)


def without(text, guard, times):
    """A text whose guards are gone."""
    assert text.count(guard) == times
    return text.replace(guard, "{")


def changed(file, old, new):
    """The headers with a bug in one."""
    assert HEADERS[file].count(old) == 1
    return HEADERS | {file: HEADERS[file].replace(old, new)}


# ---------------------------------------------------------------- what is run

ARRAYS = {  # what sanitized.py does: the kernels that it needs
    "pointwise": text_of("pointwise.cu"),
    "adam": text_of("adam.cu"),
    "norm": text_of("norm.cu", "norm_vjp.cu"),
    "matmul": text_of("matmul.cu"),
}
SMALL = only(["small"]), ("conv", "fp32", "small")
INSIDE = {  # in FP32: the other arithmetics read the same shared memory and no more
    "every tile and map": Run(ADDRESS, only(plan.TILES), ("conv", "fp32", *plan.TILES)),
    **{what: Run(ADDRESS, text, (what,)) for what, text in ARRAYS.items()},
}
APART = {
    **{a: Run(THREAD, only(["small"], a), ("conv", a.lower(), "small")) for a in ("Fp32", "Tf32", "Tf32x3")},
    **{what: Run(THREAD, text, (what,)) for what, text in ARRAYS.items()},
}
BEYOND = {  # bugs: an access beyond an array
    "lines of a matrix": Run(
        ADDRESS, *SMALL, changed("maps.cuh", "return k < height ? k * pitch : -1;", "return k * pitch;")
    ),
    "rows of pixels": Run(ADDRESS, *SMALL, changed("maps.cuh", "if (m >= pixels) return {0, OUTSIDE, OUTSIDE};", "")),
    "columns of the product": Run(ADDRESS, *SMALL, changed("igemm.cuh", "if (n < problem.N) line[n] =", "line[n] =")),
    "tangents": Run(ADDRESS, without(ARRAYS["norm"], "if (k < left) {", 2), ("norm",)),
}
RACES = {  # bugs of test_bugs.py and test_bugs_arrays.py that are races
    **{
        bug: Run(THREAD, *SMALL, changed(*test_bugs.BUGS[bug]))
        for bug in ("no barrier", "a slice written while it is read")
    },
    **{
        bug: Run(THREAD, ARRAYS["norm"], ("norm",), changed(*test_bugs_arrays.BUGS[bug][1:]))
        for bug in ("no barrier before a reduction", "no barrier between its rounds")
    },
}
RUNS = [*INSIDE.values(), *APART.values(), *BEYOND.values(), *RACES.values()]


# ---------------------------------------------------------------- what is seen


@pytest.mark.parametrize("name", INSIDE)
def test_kernels_stay_inside_their_arrays(name, outcome):
    code, said = outcome(INSIDE[name])
    assert (code, said.strip()) == (0, "clean"), said[:3000]


@pytest.mark.parametrize("name", APART)
def test_no_two_threads_race(name, outcome):
    code, said = outcome(APART[name])
    assert (code, said.strip()) == (0, "clean"), said[:3000]


@pytest.mark.parametrize("name", BEYOND)
def test_an_access_beyond_an_array_is_noticed(name, outcome):
    code, said = outcome(BEYOND[name])
    assert code != 0
    assert "AddressSanitizer: heap-buffer-overflow" in said, said[:3000]


@pytest.mark.parametrize("bug", RACES)
def test_a_planted_race_is_named_by_its_line(bug, outcome):
    code, said = outcome(RACES[bug])
    assert code == 9
    assert "ThreadSanitizer: data race" in said, said[:3000]
    assert ".cuh:" in said
