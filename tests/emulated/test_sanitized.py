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

HERE = Path(__file__).parent
RUN = """
import sys
sys.path[:0] = sys.argv[2:4]
import emulator as emu
from tinygan.kernels import cuda_plan
import numpy as np
library, rng = emu.Emulator(sys.argv[1]), np.random.default_rng(0)
draw = lambda *shape: rng.standard_normal(shape, np.float32)
for vector, tiles, (C, O) in ((4, ("large", "small", "narrow"), (20, 12)), (1, ("small", "narrow"), (3, 5))):
    x, w, y, geometry = draw(2, 5, 7, C), draw(4, 3, C, O), draw(2, 3, 8, O), dict(stride=(2, 1), pad=((1, 2), (1, 2)))
    for tile in set(tiles) & set(sys.argv[5:]):
        for splits in (1, 2):
            how = dict(arithmetic=sys.argv[4], choice=cuda_plan.Choice(tile, vector, splits), **geometry)
            emu.conv2d(library, x, w, bias=draw(O), **how)
            emu.conv2d_dx(library, y, w, size=(5, 7), bias=draw(C), **how)
            emu.conv2d_dw(library, x, y, kernel=(4, 3), **how)
print("clean")
"""
ARRAYS = """
import sys
sys.path[:0] = sys.argv[2:4]
import emulator as emu
from tinygan.kernels import cuda_plan_flat as flat, cuda_plan_matmul as matmuls, cuda_plan_norm as norms
import numpy as np
library, rng = emu.Emulator(sys.argv[1]), np.random.default_rng(0)
draw = lambda *shape: rng.standard_normal(shape, np.float32)
def pointwise(N, C):
    X = 3, N, C
    library.apply(flat.pointwise(X, "silu", 0), s=draw(*X))
    library.apply(flat.pointwise_dx(X, "elu", 1), s=draw(*X), g=draw(*X))
    library.apply(flat.scale_shift(X), x=draw(*X), scale=draw(C), shift=draw(C))
    library.apply(flat.combine(N * C, 1, 2), x=draw(N * C), y=draw(N * C))
    library.apply(flat.dot(N * C), x=draw(N * C), y=draw(N * C))
    library.apply(flat.column_sum((N, C)), a=draw(N, C))
def adam(N, C):
    arrays = {name: draw(N * C) ** 2 for name in ("theta", "g", "m", "v", "e")}
    for decay in (None, 0.9):
        library.apply(flat.adam(N * C, b1=0.5, b2=0.9, eps=1e-8, decay=decay), rates=draw(2) ** 2, **arrays)
def norm(N, C):
    for sizes in ((1, N, C, 1), (N, 1, 1, C), (2, N, C, 3)):
        X = 3, *sizes
        of = {"x": draw(*X), "gamma": draw(sizes[2] * sizes[3])}
        _, *saved = library.apply(norms.normalise(X, sizes, 1e-5, centre=True), **of, beta=of["gamma"])
        of |= dict(zip(norms.SAVED, saved, strict=True))
        library.apply(norms.normalise_pull(X, sizes, centre=True), **of, g=draw(*X))
def matmul(N, C):
    a, b = draw(1, 2, N, C), draw(1, 2, C, N)
    left, right = (matmuls.Matrices.of(m.shape, m.strides) for m in (a, b))
    for splits in (1, 2):
        for tile in ("small", "narrow"):
            choice = matmuls.Choice(tile, 1 if N % 4 or C % 4 else 4, splits)
            for a_b in ((left, right), (left, left.turned)):
                library.apply(matmuls.matmul(*a_b, arithmetic="fp32", choice=choice), a=a, b=b if a_b[1] is right else a)
for shape in ((3, 5), (5, 4), (700, 12), (1000, 3)) if sys.argv[4] != "matmul" else ((3, 5), (68, 36), (70, 33)):
    locals()[sys.argv[4]](*shape)
print("clean")
"""
OVER_READS = {  # text that keeps a kernel inside its arrays: text instead
    "return k < height ? k * pitch : -1;": "return k * pitch;",
    "if (m >= pixels) return {0, OUTSIDE, OUTSIDE};": "",
    "if (n < problem.N) line[n] =": "line[n] =",
}


RACY = {  # planted bugs of test_bugs.py and test_bugs_arrays.py that are races
    ("conv.cu", "no barrier"): test_bugs.BUGS,
    ("conv.cu", "a slice written while it is read"): test_bugs.BUGS,
    ("norm.cu", "no barrier before a reduction"): test_bugs_arrays.BUGS,
    ("norm.cu", "no barrier between its rounds"): test_bugs_arrays.BUGS,
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


def under(sanitizer, script, text, *words, headers=()):
    """(exit status, what was said) by a script on the kernels of a ``text``."""
    asked = ["g++", f"-print-file-name={sanitizer.library}"]
    preload = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    if not Path(preload).is_absolute():
        pytest.skip(f"g++ has no {sanitizer.library} here")
    library = emu.build(text, sanitizer.options, headers)
    root = os.fspath(Path(emu.kernels.__file__).parents[1])
    words = [*fixed(), sys.executable, "-c", script, str(library), str(HERE), root, *words]
    more = {"LD_PRELOAD": preload, "PYTHONMALLOC": "malloc", "TINYGAN_CPU": "reference", "OPENBLAS_NUM_THREADS": "1"}
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
    clean(under(ADDRESS, RUN, only(cuda_plan.TILES), "fp32", *cuda_plan.TILES))


FILES = [["pointwise.cu"], ["adam.cu"], ["norm.cu", "norm_pull.cu"], ["matmul.cu"]]


@pytest.mark.parametrize("files", FILES, ids=lambda files: files[0])
def test_kernels_on_long_arrays_stay_inside_them(files):
    clean(under(ADDRESS, ARRAYS, text_of(*files), files[0].removesuffix(".cu")))


@pytest.mark.parametrize("old", OVER_READS)
def test_an_access_beyond_an_array_is_noticed(old):
    texts = {path.name: path.read_text() for path in emu.SOURCES.glob("*.cuh")}
    assert sum(text.count(old) for text in texts.values()) == 1
    headers = tuple((name, text.replace(old, OVER_READS[old])) for name, text in texts.items())
    code, said = under(ADDRESS, RUN, only(["small"]), "fp32", "small", headers=headers)
    assert code != 0
    assert "AddressSanitizer: heap-buffer-overflow" in said, said[:3000]


def test_a_write_of_tangents_that_are_not_there_is_noticed():
    text = text_of("norm.cu", "norm_pull.cu")
    assert text.count("if (k < left) {") == 2
    code, said = under(ADDRESS, ARRAYS, text.replace("if (k < left) {", "{"), "norm")
    assert code != 0
    assert "AddressSanitizer: heap-buffer-overflow" in said, said[:3000]


# ---------------------------------------------------------------- races


@pytest.mark.parametrize("arithmetic", ["Fp32", "Tf32", "Tf32x3"])
def test_no_two_threads_of_a_product_race(arithmetic):
    clean(under(THREAD, RUN, only(["small"], arithmetic), arithmetic.lower(), "small"))


@pytest.mark.parametrize("files", FILES, ids=lambda files: files[0])
def test_no_two_threads_on_long_arrays_race(files):
    clean(under(THREAD, ARRAYS, text_of(*files), files[0].removesuffix(".cu")))


@pytest.mark.parametrize(("kernels", "bug"), RACY, ids=lambda x: x)
def test_a_planted_race_is_named_by_its_line(kernels, bug):
    file, old, new = RACY[kernels, bug][bug][-3:]
    texts = {path.name: path.read_text() for path in emu.SOURCES.glob("*.cuh")}
    headers = tuple((texts | {file: texts[file].replace(old, new)}).items())
    if kernels == "conv.cu":
        code, said = under(THREAD, RUN, only(["small"]), "fp32", "small", headers=headers)
    else:
        code, said = under(THREAD, ARRAYS, text_of("norm.cu", "norm_pull.cu"), "norm", headers=headers)
    assert code == 9
    assert "ThreadSanitizer: data race" in said, said[:3000]
    assert ".cuh:" in said
