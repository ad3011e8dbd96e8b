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

from tinygan.kernels import cuda_plan

from . import emulator as emu
from . import test_bugs, test_bugs_arrays

SCRIPT = Path(__file__).parent / "sanitized.py"
OVER_READS = {  # text that keeps a kernel inside its arrays: text instead
    "return k < height ? k * pitch : -1;": "return k * pitch;",
    "if (m >= pixels) return {0, OUTSIDE, OUTSIDE};": "",
    "if (n < problem.N) line[n] =": "line[n] =",
}


RACES = {  # planted bugs that are races, and whose kernels show them: the file, text that stands there, text instead
    bug: (kernels, bugs[bug][-3:])
    for kernels, bugs, bug in (
        ("conv", test_bugs.BUGS, "no barrier"),
        ("conv", test_bugs.BUGS, "a slice written while it is read"),
        ("norm", test_bugs_arrays.BUGS, "no barrier before a reduction"),
        ("norm", test_bugs_arrays.BUGS, "no barrier between its rounds"),
    )
}


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


@cache
def fixed():
    """What runs a command at addresses that are not random, where that may be: ThreadSanitizer's memory has fixed places."""
    words = ("setarch", "-R")
    try:
        return words if subprocess.run([*words, "true"], capture_output=True).returncode == 0 else ()
    except FileNotFoundError:
        return ()


def under(sanitizer, text, *words, headers=()):
    """(exit status, what was said) by sanitized.py of these words, on the kernels of a ``text``."""
    asked = ["g++", f"-print-file-name={sanitizer.library}"]
    preload = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    if not Path(preload).is_absolute():
        pytest.skip(f"g++ has no {sanitizer.library} here")
    library = emu.build(text, sanitizer.options, headers)
    root = os.fspath(Path(emu.kernels.__file__).parents[1])
    words = [*fixed(), sys.executable, str(SCRIPT), str(library), *words]
    more = {
        "LD_PRELOAD": preload,
        "PYTHONMALLOC": "malloc",
        "TINYGAN_CPU": "reference",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": root,
    }
    env = {**os.environ, **sanitizer.environment, **more}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)
    if "ThreadSanitizer: unexpected memory mapping" in done.stderr:
        pytest.skip("ThreadSanitizer cannot have its memory here: setarch -R is not allowed")
    return done.returncode, done.stdout + done.stderr


def clean(result):
    code, said = result
    assert (code, said.strip()) == (0, "clean"), said[:3000]


def text_of(*files):
    """Of matmul.cu the kernels of FP32 alone."""
    text = "".join((emu.SOURCES / file).read_text() for file in files)
    return "\n".join(line for line in text.splitlines() if not line.startswith("TILES(") or "fp32" in line)


# ---------------------------------------------------------------- addresses


def test_every_tile_and_map_stays_inside_its_arrays():
    """In FP32: the other arithmetics read the same shared memory and no more."""
    clean(under(ADDRESS, only(cuda_plan.TILES), "conv", "fp32", *cuda_plan.TILES))


FILES = [["pointwise.cu"], ["adam.cu"], ["norm.cu", "norm_pull.cu"], ["matmul.cu"]]


@pytest.mark.parametrize("files", FILES, ids=lambda files: files[0])
def test_kernels_on_long_arrays_stay_inside_them(files):
    clean(under(ADDRESS, text_of(*files), files[0].removesuffix(".cu")))


@pytest.mark.parametrize("old", OVER_READS)
def test_an_access_beyond_an_array_is_noticed(old):
    texts = {path.name: path.read_text() for path in emu.SOURCES.glob("*.cuh")}
    assert sum(text.count(old) for text in texts.values()) == 1
    headers = tuple((name, text.replace(old, OVER_READS[old])) for name, text in texts.items())
    code, said = under(ADDRESS, only(["small"]), "conv", "fp32", "small", headers=headers)
    assert code != 0
    assert "AddressSanitizer: heap-buffer-overflow" in said, said[:3000]


def test_a_write_of_tangents_that_are_not_there_is_noticed():
    text = text_of("norm.cu", "norm_pull.cu")
    assert text.count("if (k < left) {") == 2
    code, said = under(ADDRESS, text.replace("if (k < left) {", "{"), "norm")
    assert code != 0
    assert "AddressSanitizer: heap-buffer-overflow" in said, said[:3000]


# ---------------------------------------------------------------- races


@pytest.mark.parametrize("arithmetic", ["Fp32", "Tf32", "Tf32x3"])
def test_no_two_threads_of_a_product_race(arithmetic):
    clean(under(THREAD, only(["small"], arithmetic), "conv", arithmetic.lower(), "small"))


@pytest.mark.parametrize("files", FILES, ids=lambda files: files[0])
def test_no_two_threads_on_long_arrays_race(files):
    clean(under(THREAD, text_of(*files), files[0].removesuffix(".cu")))


@pytest.mark.parametrize("bug", RACES)
def test_a_planted_race_is_named_by_its_line(bug):
    kernels, (file, old, new) = RACES[bug]
    texts = {path.name: path.read_text() for path in emu.SOURCES.glob("*.cuh")}
    headers = tuple((texts | {file: texts[file].replace(old, new)}).items())
    if kernels == "conv":
        code, said = under(THREAD, only(["small"]), "conv", "fp32", "small", headers=headers)
    else:
        code, said = under(THREAD, text_of("norm.cu", "norm_pull.cu"), "norm", headers=headers)
    assert code == 9
    assert "ThreadSanitizer: data race" in said, said[:3000]
    assert ".cuh:" in said
