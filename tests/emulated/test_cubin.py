"""Where a CUDA compiler is installed, every .cu file becomes machine code: no spill, registers within a budget.

budget.json: kernel → registers for each of ARCHS. A kernel that needs more runs fewer threads at a time: raise it knowingly.
"""

import json
from pathlib import Path

import pytest

from tinygan.kernels import reference
from tinygan.kernels.cuda import compile as build
from tinygan.kernels.cuda import plan, plan_conv

from . import test_matmul
from .emulator import ARCHS
from .test_convolution import INSTANCES, NOWHERE

pytestmark = pytest.mark.slow

FILES = {  # file: its kernels
    "conv.cu": {f"{o}_{a}_{tile}{v}" for o, a, tile, v in INSTANCES} | {"join_splits"},
    "matmul.cu": {f"matmul_{form}_{a}_{tile}{v}" for form, a, tile, v in test_matmul.INSTANCES} | {"join_splits"},
    "pointwise.cu": {
        *("column_sum", "dot", "flatten"),
        *(f"{o}{V}" for o in ("combine", "scale_shift") for V in (4, 1)),
        *(f"{o}_{f}{V}" for o in ("pointwise", "pointwise_dx") for f in reference.POINTWISE for V in (4, 1)),
    },
    "norm.cu": {*(f"norm_moments{T}" for T in (0, 1, 4)), "norm_join", "normalise4", "normalise1"},
    "norm_vjp.cu": {
        *(f"norm_terms{T}" for T in (0, 1, 4)),
        *("column_sum", "norm_vjp4", "norm_vjp1", "norm_parameters", "norm_parameter_sums"),
    },
    "adam.cu": {"adam4", "adam1", "adam_ema4", "adam_ema1", "adam_rates"},
}
BUDGET = json.loads((Path(__file__).parent / "budget.json").read_text())


@pytest.fixture(autouse=True)
def compiler(monkeypatch, cubins):
    if not build.compiler():
        pytest.skip("no CUDA compiler: neither NVRTC (pip install nvidia-cuda-nvrtc) nor nvcc")
    monkeypatch.setenv("TINYGAN_CACHE", str(cubins))


def test_every_file_is_compiled():
    assert {path.name for path in build.SOURCES.glob("*.cu")} == FILES.keys()


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("arch", ARCHS)
def test_no_kernel_spills_and_none_takes_more_registers_than_its_budget(arch, file):
    cubin = build.build(file, arch)
    assert cubin.code.startswith(b"\x7fELF")
    assert cubin.resources.keys() == FILES[file]
    spilt = {name: r for name, r in cubin.resources.items() if r.stack or r.spills}
    assert not spilt
    over = {name: r.registers for name, r in cubin.resources.items() if r.registers > BUDGET[name][ARCHS.index(arch)]}
    assert not over


SHAPES = {  # arrays, and what else an operation takes
    "conv2d": ((1, 8, 8, 4), (3, 3, 4, 4), {}),
    "conv2d_dx": ((1, 6, 6, 4), (3, 3, 4, 4), {"size": (8, 8)}),
    "conv2d_dw": ((1, 8, 8, 4), (1, 6, 6, 4), {"kernel": (3, 3)}),
}


def test_two_blocks_of_a_product_have_room_on_a_processor_of_hopper():
    """Else nothing runs where one waits. It has 228 KiB, of which each block takes one more than it asks for, and 65,536
    registers, given by 8 a thread; large tiles are the exception, for registers."""
    resources, geometry = build.build("conv.cu", "sm_90a").resources, {"stride": (1, 1), "pad": ((0, 0), (0, 0))}
    for operation, arithmetic, tile, vector in INSTANCES:
        a, b, how = SHAPES[operation]
        how = {"arithmetic": arithmetic, "choice": plan.Choice(tile, vector, 1), **how, **geometry}
        (launch,) = getattr(plan_conv, operation)(a, b, **how).launches(NOWHERE)
        assert 2 * (launch.shared + 1024) <= 228 * 1024
        assert tile == "large" or 2 * launch.threads * -(-resources[launch.name].registers // 8) * 8 <= 65536


def test_a_cubin_is_kept_and_made_anew_when_any_source_changes(monkeypatch, tmp_path):
    for name, text in (
        ("a.cu", '#include "b.cuh"\nextern "C" __global__ void f(float* x) { *x = B; }'),
        ("b.cuh", "#define B 1"),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    first = build.build("a.cu", "sm_90a")
    compiler = build.compiler()
    with monkeypatch.context() as patch:
        patch.setattr(type(compiler), "compile", lambda *_: pytest.fail("compiled again"))
        assert build.build("a.cu", "sm_90a") == first
    (tmp_path / "b.cuh").write_text("#define B 2")
    assert build.build("a.cu", "sm_90a").code != first.code


def test_the_compilers_words_come_with_its_failure(monkeypatch, tmp_path):
    (tmp_path / "a.cu").write_text("no such thing;")
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    with pytest.raises(RuntimeError, match=r"cannot compile a\.cu: [\s\S]*error"):
        build.build("a.cu", "sm_90a")


def test_registers_stack_and_spills_are_read_off_the_log():
    log = (
        "ptxas info : Compiling entry function 'f' for 'sm_90a'\nptxas info : Function properties for f\n"
        "    272 bytes stack frame, 496 bytes spill stores, 400 bytes spill loads\nptxas info : Used 64 registers, 0 barriers"
    )
    assert build.resources(log) == {"f": build.Resources(64, 272, 896)}
