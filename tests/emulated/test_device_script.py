"""What is measured on a GPU is asked of every kernel, and its results make a table; here the emulator stands in for the GPU."""

import json
import sys
from functools import partial
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
if not (ROOT / "bench/device/__main__.py").exists():
    pytest.skip("bench/ is in the repository, not in the wheel", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from bench import systems  # noqa: E402
from bench.device import __main__ as device  # noqa: E402
from bench.device import arrays as device_arrays  # noqa: E402
from bench.device import kernels as device_kernels  # noqa: E402
from bench.device import steps as device_steps  # noqa: E402
from bench.device import table as device_table  # noqa: E402
from bench.device import tangents as device_tangents  # noqa: E402
from tinygan.checks.cases import CASES  # noqa: E402
from tinygan.data import Sample  # noqa: E402
from tinygan.kernels.cuda import driver  # noqa: E402
from tinygan.recipes import RECIPES, get_recipe  # noqa: E402

from . import device_checks, fake_cupy  # noqa: E402
from . import emulator as emu  # noqa: E402
from .test_convolution import INSTANCES  # noqa: E402
from .test_cubin import FILES  # noqa: E402


@pytest.mark.parametrize("large", [True, False])
def test_every_kernel_has_a_case(large):
    assert {case.name for case in device_kernels.cases(large)} == {f"{o}_{a}_{tile}{v}" for o, a, tile, v in INSTANCES}


@pytest.mark.parametrize("large", [True, False])
def test_every_kernel_on_arrays_has_a_case(large):
    launched = {file: set() for file in device_arrays.FILES}
    for case in device_arrays.cases(large):
        at = dict.fromkeys((*case.arrays, *case.operation.writes, "workspace"), 0)
        launched[case.file] |= {launch.name for launch in case.operation.launches(at)}
    assert launched == {file: FILES[file] for file in device_arrays.FILES}


@pytest.fixture
def emulated(monkeypatch, tmp_path):
    """A module of kernels that the emulator runs; results go to a folder of the test's own."""
    monkeypatch.setattr(driver, "Device", lambda: None)
    monkeypatch.setattr(driver, "Module", lambda _, name="conv.cu": emu.of(name))
    monkeypatch.setattr(device, "results", lambda: tmp_path / "device.jsonl")
    return tmp_path / "device.jsonl"


def test_a_part_writes_lines_that_say_where_they_come_from(emulated, capsys):
    assert device.main("small") == 0
    (line,) = (json.loads(text) for text in emulated.read_text().splitlines())
    assert line["right"]
    assert line["operations"] == len(INSTANCES) + len(list(device_arrays.cases(False)))
    assert {"device", "command", "commit", "versions"} <= line.keys()
    assert device.main("table") == 0
    assert "small | tool none | operations " in capsys.readouterr().out


def test_kernels_on_arrays_are_held_to_the_emulator(emulated, monkeypatch):
    monkeypatch.setitem(sys.modules, "emulator", emu)
    lines = list(device_kernels.parity_of_arrays())
    assert len(lines) == len(list(device_arrays.cases()))
    assert all(line["right"] and line["bits of the emulator"] and line["repeats"] for line in lines)
    assert max(line["error"] for line in lines) <= device_arrays.BOUND / 2
    monkeypatch.setattr(device_arrays, "BOUND", -1.0)
    assert not next(device_kernels.parity_of_arrays())["right"]


def test_a_wrong_kernel_is_said_to_be_wrong(emulated, monkeypatch):
    monkeypatch.setitem(device_kernels.BOUNDS, "tf32", 1e-9)
    assert device.main("small") == 1


def test_the_committed_results_are_right_and_make_a_table(capsys):
    path = ROOT / "bench/results/device.jsonl"
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert {"about", "parity", "layers", "ceilings", "step", "norms", "small"} <= {line["part"] for line in lines}
    assert all(line.get("right", True) for line in lines)
    device_table.print_results(path)
    said = capsys.readouterr().out
    assert "30 of FP32 with the emulator's bits" in said
    assert "geometric mean" in said


@pytest.fixture
def whole(emulated, monkeypatch):
    """The backend too, quickly."""
    fake_cupy.installed(monkeypatch, emu.of)
    monkeypatch.setattr(device_steps, "RUNS", 1)
    monkeypatch.setattr(device_steps, "REPEATS", 1)
    yield
    fake_cupy.removed()


def test_the_backend_is_asked_for_every_operation_layer_and_system(whole, monkeypatch):
    monkeypatch.setattr(device_steps, "CASES", dict(list(CASES.items())[:3]))
    monkeypatch.setattr(device_steps, "RECIPES", {name: RECIPES[name] for name in ("dcgan", "sgan")})
    monkeypatch.setattr(device_checks, "dcgan32", partial(device_checks.dcgan32, width=4, n=2))
    monkeypatch.setitem(sys.modules, "device_checks", device_checks)
    lines = list(device_steps.backend())
    assert not [line for line in lines if not (line["right"] and line["of its bound"] <= 1)]
    assert [line["name"] for line in lines if line["kind"] == "system"] == [
        "dcgan",
        "dcgan-32, direct",
        "dcgan-32, fast",
    ]
    failed = device_steps.tried("layer", "none", lambda: 1 / 0, 1)
    assert (failed["right"], failed["why"]) == (False, "ZeroDivisionError: division by zero")


def test_whole_steps_and_tangents_are_timed_as_graphs(whole, monkeypatch):
    small = get_recipe("dcgan").make(get_recipe("dcgan").settings(latent=4, width=4), Sample((8, 8, 3)))
    monkeypatch.setitem(systems.STEPS, "small", lambda: systems.Steps(lambda: small, batch=2))
    for line in device_steps.steps(("small",)):
        assert line["right"] and line["us"] > 0 and line["us with inputs"] > 0 and "loss_D" in line
    lines = list(device_tangents.ours(checked=2, N=2, K=2, size=8, latent=4, width=4))
    assert [line["right"] for line in lines] == [True] * 3
    assert max(line["slope error"] for line in lines[:2]) <= 1e-6


def test_pytorchs_tangents_are_right_where_its_norm_is_of_plain_operations():
    pytest.importorskip("torch")
    from bench.device import tangents_torch as device_tangents_torch

    lines = list(device_tangents_torch.peers("cpu", checked=2, N=2, K=2, size=8, latent=4, width=4))
    assert [line["way"] for line in lines] == ["PyTorch stacked by hand, eager", "PyTorch vmap(jvp), eager"]
    assert max(line["gradient error"] for line in lines) <= 1e-5
