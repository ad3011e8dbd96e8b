"""The kernels under AddressSanitizer and UndefinedBehaviorSanitizer: no access beyond an array, none misaligned.

The sanitizers must be loaded first, so each run is a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinygan.kernels import cuda_plan

from . import emulator as emu

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
    for tile in set(tiles) & set(sys.argv[4:]):
        for splits in (1, 2):
            how = dict(arithmetic="fp32", choice=cuda_plan.Choice(tile, vector, splits), **geometry)
            emu.conv2d(library, x, w, bias=draw(O), **how)
            emu.conv2d_dx(library, y, w, size=(5, 7), bias=draw(C), **how)
            emu.conv2d_dw(library, x, y, kernel=(4, 3), **how)
print("clean")
"""
OVER_READS = {  # text that keeps a kernel inside its arrays: text instead
    "return k < height ? k * width : -1;": "return k * width;",
    "if (m >= pixels) return {0, OUTSIDE, OUTSIDE};": "",
    "if (n < problem.N) line[n] =": "line[n] =",
}


def only(tiles):
    """conv.cu with FP32 kernels of these tiles alone: the other arithmetics read the same shared memory and no more."""
    head = (emu.SOURCES / "conv.cu").read_text().split("#define TILES")[0]
    args = {"conv2d": "ConvArgs", "conv2d_dx": "ConvDxArgs", "conv2d_dw": "ConvDwArgs"}
    kernels = [
        f"TG_KERNEL({name}_fp32_{tile}{v}, {a}, {tile.title()}::THREADS, igemm<{tile.title()}, Fp32, {v}, {a}>)"
        for name, a in args.items()
        for tile in tiles
        for v in (4, 1)
        if (tile, v) != ("large", 1)
    ]
    return "\n".join([head, *kernels, "TG_KERNEL(join_splits, JoinArgs, JOIN_THREADS, join)"])


@pytest.fixture(scope="module")
def preload():
    path = subprocess.run(["g++", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    if not Path(path).is_absolute():
        pytest.skip("g++ has no AddressSanitizer here")
    return path


def under_sanitizers(preload, tiles, headers=()):
    """(exit status, what was said)."""
    library = emu.build(only(tiles), emu.SANITIZED, headers)
    options = {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0:detect_stack_use_after_return=0"}
    words = [sys.executable, "-c", RUN, str(library), str(HERE), os.fspath(Path(emu.kernels.__file__).parents[1])]
    env = {**os.environ, **options, "LD_PRELOAD": preload, "PYTHONMALLOC": "malloc", "TINYGAN_CPU": "reference"}
    done = subprocess.run([*words, *tiles], env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_every_tile_and_map_stays_inside_its_arrays(preload):
    code, said = under_sanitizers(preload, tuple(cuda_plan.TILES))
    assert (code, said.strip()) == (0, "clean"), said[:3000]


@pytest.mark.parametrize("old", OVER_READS)
def test_an_access_beyond_an_array_is_noticed(old, preload):
    text = (emu.SOURCES / "igemm.cuh").read_text()
    assert text.count(old) == 1
    code, said = under_sanitizers(preload, ("small",), (("igemm.cuh", text.replace(old, OVER_READS[old])),))
    assert code != 0
    assert "AddressSanitizer: heap-buffer-overflow" in said, said[:3000]
