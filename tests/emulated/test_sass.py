"""What the machine code of every kernel does: products on tensor cores, words of 128 bits, nothing in local memory.

nvdisasm (pip install nvidia-cuda-nvdisasm) reads it without a GPU.
"""

import importlib.util
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tinygan.kernels.cuda import compile as build
from tinygan.kernels.cuda import plan

from .emulator import ARCHS
from .test_cubin import FILES

pytestmark = pytest.mark.slow

INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", re.M)
WORDS = {  # kernels whose name ends in 4: what moves a word of four floats, without what else an architecture adds to its name
    "conv.cu": ["LDGSTS.E.BYPASS.128"],
    "matmul.cu": ["LDGSTS.E.BYPASS.128"],
    "pointwise.cu": ["LDG.E.128", "STG.E.128"],
    "norm.cu": ["LDG.E.128", "STG.E.128"],
    "norm_vjp.cu": ["LDG.E.128", "STG.E.128"],
    "adam.cu": ["LDG.E.128", "STG.E.128"],
}


@cache
def disassembler():
    """nvdisasm of NVIDIA's wheel; None where it is not installed."""
    spec = importlib.util.find_spec("nvidia")
    places = spec.submodule_search_locations if spec else ()
    return next((path for place in places for path in Path(place).glob("*/bin/nvdisasm")), None)


@pytest.fixture(autouse=True)
def tools(monkeypatch, cubins):
    if not build.compiler() or disassembler() is None:
        pytest.skip("no CUDA compiler, or no nvdisasm: pip install nvidia-cuda-nvrtc nvidia-cuda-nvdisasm")
    monkeypatch.setenv("TINYGAN_CACHE", str(cubins))


def instructions(code, folder):
    """Kernel -> instruction -> how many, of a cubin."""
    path = folder / "of.cubin"
    path.write_bytes(code)
    words = [disassembler(), "-c", path]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    _, *parts = re.split(r"^\.text\.(\w+):\n", text, flags=re.M)
    return {name: Counter(INSTRUCTION.findall(body)) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def products(name):
    """The FFMA of a thread and the HMMA (16 x 8, depth 8) of a warp for one slice: the main loop stands there once."""
    _, arithmetic, tile = re.fullmatch(r"(\w+)_(fp32|tf32|tf32x3)_([a-z]+)\d", name).groups()
    shape = plan.TILES[tile]
    of_thread = shape.M * shape.N * plan.DEPTH // shape.threads
    of_warp = 32 * of_thread // (16 * 8 * 8)
    return {"fp32": (of_thread, 0), "tf32": (0, of_warp), "tf32x3": (0, 3 * of_warp)}[arithmetic]


def faults(file, name, found):
    """What is wrong with a kernel's instructions, a line each."""
    wrong = [f"{each} touches local memory" for each in found if each.startswith(("LDL", "STL"))]
    if file in ("conv.cu", "matmul.cu") and name != "join_splits":
        count = tuple(sum(n for each, n in found.items() if each.startswith(start)) for start in ("FFMA", "HMMA"))
        if count != products(name):
            wrong.append(f"{count} products of a thread, of a warp on tensor cores: {products(name)} are right")
    if name.endswith("4") and "moments" not in name and "terms" not in name:
        wrong += [f"no {word}" for word in WORDS[file] if not any(each.startswith(word) for each in found)]
    return [f"{name}: {fault}" for fault in wrong]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("arch", ARCHS)
def test_the_machine_code_has_the_instructions_it_should(arch, file, tmp_path):
    found = instructions(build.build(file, arch).code, tmp_path)
    assert found.keys() == FILES[file]
    assert not [fault for name, counted in found.items() for fault in faults(file, name, counted)]


def test_products_are_counted():
    assert products("conv2d_dw_fp32_small1") == (1024, 0)
    assert products("conv2d_tf32x3_large4") == (0, 192)
    loads = Counter({"LDGSTS.E.BYPASS.128": 9})
    assert faults("conv.cu", "conv2d_tf32_narrow4", loads + Counter({"HMMA.1688.F32.TF32": 8})) == []
    for wrong in ({"HMMA.1688.F32.TF32": 7}, {"FFMA": 256}, {"HMMA.1688.F32.TF32": 8, "FFMA": 1}):
        (said,) = faults("conv.cu", "conv2d_tf32_narrow4", loads + Counter(wrong))
        assert "(0, 8) are right" in said


BAD = {
    "local memory": 'extern "C" __global__ void pointwise_bad1(float* x, int n) { float a[64] = {}; '
    "for (int i = 0; i < n; i++) a[int(x[i]) & 63] += i; x[0] = a[n & 63]; }",
    "no LDG.E.128": 'extern "C" __global__ void pointwise_bad4(float* x, int n) { x[threadIdx.x] = 2 * x[n]; }',
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_kernel_is_noticed(fault, tmp_path, monkeypatch):
    (tmp_path / "a.cu").write_text(BAD[fault])
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    ((name, counted),) = instructions(build.build("a.cu", "sm_90a").code, tmp_path).items()
    assert any(fault in line for line in faults("pointwise.cu", name, counted))
