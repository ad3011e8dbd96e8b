"""Training steps on the emulated device: captured once, replayed, and as near to float64 as NumPy's float32 is."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tinygan import kernels
from tinygan.checkpoint import flatten, restore
from tinygan.cli import main
from tinygan.data import Batch, Sample, open_data
from tinygan.errors import UsageError
from tinygan.optim import Adam, Schedule
from tinygan.place import OnDevice, OnHost
from tinygan.recipes import RECIPES, find
from tinygan.recipes.tangents import Orthonormal
from tinygan.reproduce import stability
from tinygan.run import resolve
from tinygan.train import part_of, recipe_of

from . import emulator as emu
from . import fake_cupy

SLACK, FLOOR = 4, 4e-6  # times the error of NumPy's float32, and relative: for other roundings at kinks of rectifiers
DATA = stability.DATA | {"gan-cls": "digits", "glo": "digits", "classifier": "digits"}


@pytest.fixture(autouse=True)
def device(monkeypatch):
    fake_cupy.installed(monkeypatch, emu.of)
    with kernels.on_cpu("reference"), kernels.precision("direct"):
        yield
    fake_cupy.removed()


def system(name, **settings):
    """A small recipe and a function that draws its batches."""
    fields = find(name).settings.__dataclass_fields__
    small = {key: value for key, value in (stability.SMALL | stability.SHORT).items() if key in fields} | settings
    data = open_data(DATA.get(name, "strokes"))
    recipe = recipe_of(resolve({"recipe": name}), Sample(data.shape, len(data.classes), data.classes))
    recipe = find(name).make(replace(recipe.settings, **small), Sample(data.shape, len(data.classes), data.classes))
    data = part_of(recipe, data)

    def batch(t, n=4):
        n *= recipe.batches
        return Batch(*data.batch(np.arange(t * n, t * n + n)))

    return recipe, batch


def wide(tree):
    if isinstance(tree, tuple):
        children = map(wide, tree)
        return type(tree)(*children) if hasattr(tree, "_fields") else tuple(children)
    return tree.astype(np.float64) if isinstance(tree, np.ndarray) and tree.dtype == np.float32 else tree


def check_steps(recipe, batch, steps=3):
    """Each step from the same state: of the graph, of NumPy in float32, and in float64."""
    state = recipe.init(np.random.default_rng(1))
    device = OnDevice(recipe, state)
    for t in range(steps):
        truth, host = OnHost(recipe, wide(state)), OnHost(recipe, state)
        for at in (device, host, truth):
            one = batch(t)
            one = one._replace(x=one.x.astype(np.float64)) if at is truth else one
            at.step(one, np.random.default_rng([7, t]))
        want, near, found = (flatten(at.state) for at in (truth, host, device))
        for key, a in want.items():
            allowed = SLACK * np.linalg.norm(near[key] - a) + FLOOR * np.linalg.norm(a)
            assert np.linalg.norm(found[key] - a) <= allowed, (key, t)
        log = device.tell()
        assert log.keys() == truth.tell().keys()
        for key, value in truth.tell().items():
            assert abs(log[key] - value) <= SLACK * abs(host.tell()[key] - value) + 1e-5 * max(abs(value), 1), (key, t)
        state = device.state
        device = device if t == 0 else restarted(device, recipe, state)


def restarted(device, recipe, state):
    """The same graph: its state is where the next step begins. Every second step a new one, from the host's state."""
    return OnDevice(recipe, state)


ON_DEVICE = [name for name, entry in RECIPES.items() if entry.device]


@pytest.mark.parametrize("name", ON_DEVICE)
def test_a_systems_steps_are_numpys(name):
    check_steps(*system(name))


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ON_DEVICE])
def test_a_system_that_stays_on_the_cpu_says_so_in_one_line(name):
    recipe, batch = system(name)
    with pytest.raises(UsageError, match=r"this system's steps do not run on a GPU \([^\n]*\): use --backend jit"):
        OnDevice(recipe, recipe.init(np.random.default_rng(1))).step(batch(0), np.random.default_rng(2))
