"""What is measured on a GPU is asked of every kernel, and its results make a table; here the emulator stands in for the GPU."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if not (ROOT / "bench/device.py").exists():
    pytest.skip("bench/ is in the repository, not in the wheel", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from bench import device, device_kernels, device_table  # noqa: E402
from tinygan.kernels import cuda_driver  # noqa: E402

from . import emulator as emu  # noqa: E402
from .test_convolution import INSTANCES  # noqa: E402


@pytest.mark.parametrize("large", [True, False])
def test_every_kernel_has_a_case(large):
    assert {case.name for case in device_kernels.cases(large)} == {f"{o}_{a}_{tile}{v}" for o, a, tile, v in INSTANCES}


@pytest.fixture
def emulated(monkeypatch, tmp_path):
    """A module of kernels that the emulator runs; results go to a folder of the test's own."""
    monkeypatch.setattr(cuda_driver, "Device", lambda: None)
    monkeypatch.setattr(cuda_driver, "Module", lambda _: emu.of())
    monkeypatch.setattr(device, "results", lambda: tmp_path / "device.jsonl")
    return tmp_path / "device.jsonl"


def test_a_part_writes_lines_that_say_where_they_come_from(emulated, capsys):
    assert device.main("small") == 0
    (line,) = (json.loads(text) for text in emulated.read_text().splitlines())
    assert line["right"]
    assert line["launches"] == len(INSTANCES)
    assert {"device", "command", "commit", "versions"} <= line.keys()
    assert device.main("table") == 0
    assert "small | tool none | launches 45" in capsys.readouterr().out


def test_a_wrong_kernel_is_said_to_be_wrong(emulated, monkeypatch):
    monkeypatch.setitem(device_kernels.BOUNDS, "tf32", 1e-9)
    assert device.main("small") == 1


def test_the_committed_results_are_right_and_make_a_table(capsys):
    path = ROOT / "bench/results/device.jsonl"
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert {"about", "parity", "layers", "ceilings", "step", "norms", "small"} <= {line["part"] for line in lines}
    assert all(line.get("right", True) for line in lines)
    device_table.show(path)
    said = capsys.readouterr().out
    assert "30 of FP32 with the emulator's bits" in said
    assert "geometric mean" in said
