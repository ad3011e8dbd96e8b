"""On a GPU, what tests/emulated holds the cuda backend to on the emulator: the same functions, and what only a GPU has."""

import importlib

import numpy as np
import pytest

from tinygan import kernels
from tinygan.checks.cases import CASES
from tinygan.cli import main
from tinygan.kernels.cuda import plan_conv
from tinygan.recipes import RECIPES
from tinygan.training.execution import GraphExecutor

from ..emulated import device_checks as checks
from ..emulated import emulator as emu

if why := kernels.lacks("cuda"):
    pytest.skip(f"backend 'cuda' {why}", allow_module_level=True)

BOUND = {"direct": checks.BOUND, "fast": checks.BOUND, "tf32": 6e-4}


@pytest.fixture(autouse=True)
def gpu():
    """It is seen here, and nowhere else in the tests."""
    kernels.available.cache_clear()
    yield
    kernels.available.cache_clear()


@pytest.mark.parametrize("precision", BOUND)
@pytest.mark.parametrize("name", checks.OPERATIONS)
def test_an_operation_is_the_references(name, precision):
    with kernels.precision(precision):
        assert checks.operation(name) <= BOUND[precision]


@pytest.mark.parametrize("name", CASES)
def test_a_layer_and_its_adjoint_are_numpys(name):
    with kernels.precision("direct"):
        assert checks.layer(name) <= BOUND["direct"]


@pytest.mark.parametrize("name", [name for name, entry in RECIPES.items() if entry.device])
def test_a_systems_steps_are_numpys(name):
    with kernels.precision("direct"):
        off, what = checks.steps(*checks.system(name), kinks=checks.KINKS)
    assert off <= 1, what


@pytest.mark.parametrize("precision", ["direct", "fast"])
def test_a_whole_step_of_dcgan_32_is_numpys(precision):
    with kernels.precision(precision):
        off, what = checks.steps(*checks.dcgan32(), kinks=checks.KINKS)
    assert off <= 1, what


@pytest.mark.parametrize("operation", ["conv2d", "conv2d_dx", "conv2d_dw"])
def test_convolutions_in_float32_have_the_emulators_bits(operation, rng):
    """The order of their sums depends on shapes alone, and every product and sum is one rounding."""
    if why := emu.missing():
        pytest.skip(why)
    shapes, how = checks.OPERATIONS[operation]
    a, b = (rng.standard_normal(shape, np.float32) for shape in shapes)
    how = {key: value for key, value in how.items() if key != "bias"}
    with kernels.precision("direct"):
        found = getattr(kernels, operation)(*checks.there((a, b)), **how)
    (want,) = emu.of().apply(getattr(plan_conv, operation)(a.shape, b.shape, arithmetic="fp32", **how), a=a, b=b)
    assert np.array_equal(found.get(), want)


def test_the_same_steps_give_the_same_bits():
    """No sum depends on which block ends first."""
    ends = []
    for _ in range(2):
        recipe, batch = checks.system("dcgan")
        device = GraphExecutor(recipe, recipe.init(np.random.default_rng(1)))
        for t in range(4):
            device.step(batch(t), np.random.default_rng([7, t]))
        ends.append(checks.flatten(device.state))
    assert all(np.array_equal(a, ends[1][name]) for name, a in ends[0].items())


def test_a_graphs_memory_does_not_grow():
    recipe, batch = checks.system("dcgan")
    device = GraphExecutor(recipe, recipe.init(np.random.default_rng(1)))
    cupy = importlib.import_module("cupy")
    pools = cupy.get_default_memory_pool(), cupy.get_default_pinned_memory_pool()
    used = []
    for t in range(8):
        device.step(batch(t), np.random.default_rng(t))
        device.log()
        used.append((device.captured.pool.total_bytes(), pools[0].total_bytes(), pools[1].n_free_blocks()))
    assert used[1:] == used[1:2] * 7


def test_pytorch_sees_the_same_memory(rng):
    """Through DLPack, both ways: nothing is copied."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch is built without CUDA")
    x = checks.there(rng.standard_normal((5, 7)))
    y = kernels.combine(2.0, x, 1.0, x)
    seen = torch.from_dlpack(y)
    assert seen.data_ptr() == y.data.ptr
    seen += 1
    torch.cuda.synchronize()
    assert checks.error(y, 3 * x.get() + 1) <= BOUND["direct"]
    back = importlib.import_module("cupy").from_dlpack(seen)
    assert back.data.ptr == y.data.ptr


def test_a_run_trains_on_the_gpu_is_resumed_bit_for_bit_and_is_sampled_on_the_cpu(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole, cut, ticks = checks.whole_and_cut()
    assert whole == cut
    assert [tick["step"] for tick in ticks] == [2, 4]
    others = kernels.lacks
    monkeypatch.setattr(kernels, "lacks", lambda name: "needs cupy" if name == "cuda" else others(name))
    kernels.available.cache_clear()
    assert main(["sample", "whole"]) == 0
