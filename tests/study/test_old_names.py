"""What README said in version 0.1.0 still runs: modules that moved keep their old names for one version."""

import importlib
import inspect
import subprocess
import sys

import pytest

import tinygan
from tinygan.core.moved import MOVED

BLOCKS = {  # README's Python in version 0.1.0, to the letter, and what it prints
    "penalty": (
        """\
import numpy as np
from tinygan.layers import BatchNorm, Linear, Softplus
from tinygan.net import Net
from tinygan.penalty import gradient_penalty, one_centred

rng = np.random.default_rng(0)
critic = Net(Linear(2, 64), BatchNorm(64), Softplus(), Linear(64, 1))
theta = critic.init(rng, dtype=np.float64)  # one flat vector
x, way, h = rng.normal(size=(256, 2)), rng.normal(size=theta.shape), 1e-5

penalty = lambda theta: gradient_penalty(critic, theta, x, one_centred)  # E(‖∇ₓD‖ − 1)², exact gradient
quotient = (penalty(theta + h * way)[0] - penalty(theta - h * way)[0]) / (2 * h)
print(f"{quotient / (penalty(theta)[1].theta @ way):.6f}")
""",
        "1.000000\n",
        ["net", "penalty"],
    ),
    "sample": (
        """\
from pathlib import Path
from tinygan.cli import main
from tinygan.run import Run
from tinygan.train import sample

main(["train", "--steps", "2", "--out", "RUN", "--set", "width=4"])  # or the run that you have
images = sample(Run.open(Path("RUN")), n=16, seed=0)
print(images.shape, images.dtype)
""",
        "(16, 28, 28, 1) float32\n",
        ["run", "train"],
    ),
    "layer": (
        """\
from tinygan.check import check_layer
from tinygan.layer import Layer


class Square(Layer):
    \"\"\"y = x², ẏ = 2xẋ;  x̄ = 2xȳ + Σ 2ẋẏ̄,  ẋ̄ = 2xẏ̄.\"\"\"

    def forward(self, p, X):
        Y = 2 * X[0] * X
        Y[0] = X[0] ** 2
        return Y, X

    def backward(self, p, X, G):
        GX = 2 * X[0] * G
        GX[0] += 2 * (X[1:] * G[1:]).sum(axis=0)
        return GX


print(check_layer(Square(), shape=(4, 3))["adjoint"] <= 1e-12)
""",
        "True\n",
        ["check", "layer"],
    ),
}
NAMED = {  # modules of README's code and of its table of files in version 0.1.0, and a name in each that has kept its own
    "cases": "table",
    "check": "check_net",
    "compose": "Sequential",
    "condition": "Conditioned",
    "data.known": "locate",
    "data_init": "data_init",
    "divergence": "divergence",
    "evaluate": "features_of",
    "info": "report",
    "latent": "truncated",
    "layer": "Layer",
    "loss": "LOSSES",
    "measures": "MEASURES",
    "mixing": "arithmetic",
    "net": "Net",
    "orthogonal": "orthogonal",
    "penalty": "through_jvp",
    "pyramid": "build",
    "rotation": "rotations",
    "run": "Run",
    "train": "sample",
}
ALSO = {"battle", "place", "recipes.game", "standing"}  # whose names have changed


@pytest.fixture
def anew(monkeypatch):
    """Old modules are imported as if for the first time, and are gone afterwards."""
    for old in MOVED:
        monkeypatch.delitem(sys.modules, f"tinygan.{old}", raising=False)
        parent, _, name = f"tinygan.{old}".rpartition(".")
        if not isinstance(vars(importlib.import_module(parent)).get(name), type(None)):
            monkeypatch.delattr(importlib.import_module(parent), name)
    yield
    for old in MOVED:
        sys.modules.pop(f"tinygan.{old}", None)
        parent, _, name = f"tinygan.{old}".rpartition(".")
        vars(importlib.import_module(parent)).pop(name, None)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_python_block_of_the_old_readme_runs_and_warns_once_a_module(block, tmp_path):
    code, expected, old = BLOCKS[block]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.endswith(expected)
    warned = [line.split()[2] for line in done.stderr.splitlines() if "DeprecationWarning" in line]
    assert warned == [f"tinygan.{name}" for name in old]
    assert done.stderr.count("the next version drops the old name") == len(old)


@pytest.mark.parametrize("old", MOVED)
def test_an_old_module_warns_and_names_the_new_place(old, anew):
    with pytest.warns(DeprecationWarning) as warned:
        module = importlib.import_module(f"tinygan.{old}")
    (warning,) = warned
    assert all(f"tinygan.{place}" in str(warning.message) for place in MOVED[old].split())
    for place in MOVED[old].split():
        importlib.import_module(f"tinygan.{place}")
    with pytest.raises(AttributeError, match=r"now tinygan\."):
        module.no_such_name  # noqa: B018


@pytest.mark.parametrize("old", NAMED)
def test_a_name_of_an_old_module_is_the_new_one(old, anew):
    with pytest.warns(DeprecationWarning):
        module = importlib.import_module(f"tinygan.{old}")
    new = [importlib.import_module(f"tinygan.{place}") for place in MOVED[old].split()]
    assert any(getattr(module, NAMED[old]) is vars(place).get(NAMED[old]) for place in new)


def test_every_module_that_readme_named_is_in_the_table():
    assert {*NAMED, *ALSO} <= MOVED.keys()


def test_a_name_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'tinygan\.nets'"):
        importlib.import_module("tinygan.nets")


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_an_old_module_beside_a_public_function_calls_it(name, anew, monkeypatch):
    """``import tinygan.train`` puts the module in the function's place."""
    function = getattr(tinygan, name)
    with pytest.warns(DeprecationWarning):
        module = importlib.import_module(f"tinygan.{name}")
    assert getattr(tinygan, name) is module and module.__doc__ == function.__doc__
    assert inspect.signature(module) == inspect.signature(function)
    with pytest.raises(tinygan.TinyganError, match="no-such"):
        getattr(tinygan, name)("no-such")


def test_the_function_is_there_before_and_without_the_old_module(tmp_path):
    code = "import tinygan; from tinygan import train; assert train is tinygan.train and type(train).__name__ == 'function'"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=tmp_path)
