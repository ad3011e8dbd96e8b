"""Training steps on the emulated device: captured once, replayed, and as near to float64 as NumPy's float32 is."""

import importlib
import inspect

import numpy as np
import pytest

from tinygan import kernels
from tinygan.checks.cases import CASES
from tinygan.cli import main
from tinygan.data import Sample
from tinygan.errors import UsageError
from tinygan.optim import Adam, Schedule
from tinygan.recipes import RECIPES
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.training.execution import GraphExecutor, HostExecutor

from . import device_checks as checks
from . import emulator as emu
from . import fake_array, fake_cupy
from .device_checks import system


@pytest.fixture(autouse=True)
def device(monkeypatch):
    fake_cupy.installed(monkeypatch, emu.of)
    with kernels.on_cpu("reference"), kernels.precision("direct"):
        yield
    fake_cupy.removed()


ON_DEVICE = [name for name, entry in RECIPES.items() if entry.device]


@pytest.mark.parametrize("name", ON_DEVICE)
def test_a_systems_steps_are_numpys(name):
    off, what = checks.steps(*system(name))
    assert off <= 1, what


OPTIONS = {
    "r2 and clipped gradients": {"penalty": "r2", "clip": 1e-3},
    "r1 through batch norm": {"penalty": "r1", "norm_D": "batch"},
    "orthogonal weights": {"ortho": 1e-4},
    "packs, a layer norm": {"pack": 2, "norm_D": "layer"},
    "smooth targets": {"smoothing": 0.1},
    "a spectral norm, none in G": {"norm_D": "spectral", "norm_G": "none"},
    "orthonormal tangents": {"orthonormal": Orthonormal(eta=0.1, tangents=3)},
    "tangents of a learned length": {"orthonormal": Orthonormal(eta=0.1, tangents=3, scale=0.0, statistics="batch")},
    "a cosine schedule and the past": {"adam_D": Adam(history=0.1, schedule=Schedule("cosine", over=10, end=0.5))},
    "a linear schedule": {"adam_G": Adam(schedule=Schedule("linear", over=10, end=0.5))},
    "two steps of D": {"n_critic": 2},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_its_options_are_numpys_too(options):
    off, what = checks.steps(*system("dcgan", **options))
    assert off <= 1, what


OTHERS = [
    ("ssgan", {"attention": 14, "self_modulated": True}),
    ("pcgan", {"attention": 14, "penalty": "r1"}),
    ("lapgan", {"classes": True, "n_critic": 2}),
    ("lgan", {"locality": "squared"}),
    ("draw", {"attention": False}),
    ("r1", {"net": "maxout"}),
    ("fgan", {"saturating": True, "divergence": "reverse-kl"}),
]


@pytest.mark.parametrize(("name", "options"), OTHERS, ids=str)
def test_so_are_those_of_other_systems(name, options):
    off, what = checks.steps(*system(name, **options), count=2)
    assert off <= 1, what


@pytest.mark.parametrize("precision", ["direct", pytest.param("fast", marks=pytest.mark.slow)])
def test_a_whole_step_of_dcgan_32_is_numpys(precision):
    """32x32 colours, latent 128, width 32, on a batch of 8."""
    with kernels.precision(precision):
        off, what = checks.steps(*checks.dcgan32(), count=1)
    assert off <= 1, what


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ON_DEVICE])
def test_a_system_that_stays_on_the_cpu_says_so_in_one_line(name):
    recipe, batch = system(name)
    with pytest.raises(UsageError, match=r"this system's steps do not run on a GPU \([^\n]*\): use --backend jit"):
        GraphExecutor(recipe, recipe.init(np.random.default_rng(1))).step(batch(0), np.random.default_rng(2))


def test_a_step_of_dcgan_32_is_a_graph_of_few_nodes():
    """Gradients become a vector in one kernel, running values are a kernel each."""
    recipe, batch = checks.dcgan32(4, 2)
    device = GraphExecutor(recipe, recipe.init(np.random.default_rng(1)))
    device.step(batch(0), np.random.default_rng(0))
    assert device.captured.graph.nodes <= 220


def test_a_batch_of_another_size_is_a_new_graph():
    """NumPy would spread one image over the places of four."""
    recipe, batch = system("dcgan")
    state, (first, second, third) = recipe.init(np.random.default_rng(1)), (batch(0), batch(1, 1), batch(2, 6))
    device, host = GraphExecutor(recipe, state), HostExecutor(recipe, state)
    for t, one in enumerate((first, second, third)):
        for at in (device, host):
            at.step(one, np.random.default_rng(t))
        assert abs(device.log()["loss_D"] - host.log()["loss_D"]) <= 1e-3


def test_a_number_told_of_the_state_is_of_that_before_the_step():
    recipe, batch = system("dcgan")

    class Telling(type(recipe)):
        def step(self, state, batch, rng):
            new, log = super().step(state, batch, rng)
            return new, log | {"before": state.G[3]}

    other = Telling(recipe.settings, Sample(recipe.shape, 1))
    state = other.init(np.random.default_rng(1))
    device, host = GraphExecutor(other, state), HostExecutor(other, state)
    for at in (device, host):
        at.step(batch(0), np.random.default_rng(0))
    assert device.log()["before"] == host.log()["before"] == state.G[3]


def test_what_a_step_waits_for_or_takes_from_the_host_is_noticed():
    """A graph that would repeat its first step's numbers is none; CuPy records neither its own products of matrices nor, unless
    it is stopped, the truth about what it sends from the host."""
    recipe, batch = system("dcgan")

    class Waiting(type(recipe)):
        def step(self, state, batch, rng):
            state, log = super().step(state, batch, rng)
            return state, log | {"seen": float(log["loss_D"])}

    class Mixing(type(recipe)):
        def noise(self, n, rng):
            return np.zeros((n, self.settings.latent), np.float32)

    class Multiplying(type(recipe)):
        def noise(self, n, rng):
            z = super().noise(n, rng)
            return z + (z @ z.T).mean()

    class Joining(type(recipe)):
        def noise(self, n, rng):
            return np.concatenate([super().noise(n, rng)] * 9)[:n]

    for kind, why in (
        (Waiting, "synchronous API calls are disallowed"),
        (Mixing, "no implementation found"),
        (Multiplying, "cuBLAS"),
        (Joining, "takes an array from the host"),
    ):
        other = kind(recipe.settings, Sample(recipe.shape, 1))
        with pytest.raises(UsageError, match=why):
            GraphExecutor(other, other.init(np.random.default_rng(1))).step(batch(0), np.random.default_rng(2))


def test_a_fault_of_the_step_is_not_blamed_on_the_device():
    """A TypeError that has nothing to do with arrays of the host keeps its type and its traceback."""
    recipe, batch = system("dcgan")

    class Wrong(type(recipe)):
        def step(self, state, batch, rng):
            return state + None

    other = Wrong(recipe.settings, Sample(recipe.shape, 1))
    with pytest.raises(TypeError, match="can only concatenate tuple"):
        GraphExecutor(other, other.init(np.random.default_rng(1))).step(batch(0), np.random.default_rng(2))


def test_a_fault_that_comes_up_in_the_capture_alone_is_not_blamed_on_the_device():
    """The first call of a step compiles, the second is recorded."""
    recipe, batch = system("dcgan")

    class Wrong(type(recipe)):
        calls = 0

        def step(self, state, batch, rng):
            self.calls += 1
            if self.calls == 2:
                raise RuntimeError("a fault of the recipe")
            return super().step(state, batch, rng)

    other = Wrong(recipe.settings, Sample(recipe.shape, 1))
    with pytest.raises(RuntimeError, match="a fault of the recipe") as raised:
        GraphExecutor(other, other.init(np.random.default_rng(1))).step(batch(0), np.random.default_rng(2))
    assert not isinstance(raised.value, UsageError)


def test_cupy_has_what_is_asked_of_it(monkeypatch):
    """Its functions take the arguments of every call so far, and more of every layer's; its arrays have the methods."""
    for name in CASES:
        checks.layer(name)
    monkeypatch.undo()
    cupy = pytest.importorskip("cupy", exc_type=ImportError)
    for name, count, keywords in fake_array.Tape.calls:
        inspect.signature(getattr(cupy, name)).bind(*range(count), **dict.fromkeys(keywords))
    for name, kind, keywords in fake_array.Tape.ufuncs:
        assert callable(getattr(cupy, name)), name
        assert (kind, set(keywords) <= {"dtype"}) == ("__call__", True), (name, kind, keywords)
    for name in (*fake_array.METHODS, "set", "get", "item", "__float__", "__array_function__", "__array_ufunc__"):
        assert hasattr(cupy.ndarray, name), name
    for name in ("Stream", "Event", "MemoryPool", "using_allocator", "Device", "get_current_stream"):
        assert hasattr(cupy.cuda, name), name
    assert all(hasattr(cupy.cuda.Stream, name) for name in ("begin_capture", "end_capture", "synchronize"))
    for name in ("empty", "asarray", "ascontiguousarray", "asnumpy"):
        assert callable(getattr(cupy, name))
    assert importlib.import_module("cupyx").empty_pinned


# ---------------------------------------------------------------- the command


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(out, steps, *more):
    words = ["train", *more, "--batch", "4", "--steps", str(steps), "--out", out]
    return main([*words, "--set", "width=4", "--set", "log_every=2"])


def test_a_run_trains_on_the_device_is_resumed_bit_for_bit_and_is_sampled_without_it(here, capsys):
    whole, cut, ticks = checks.whole_and_cut()
    assert whole == cut
    assert [tick["step"] for tick in ticks] == [2, 4]
    assert all(isinstance(tick["loss_D"], float) for tick in ticks)
    assert "backend cuda" in (here / "whole/train.log").read_text()
    fake_cupy.gone()
    assert main(["sample", "whole"]) == 0
    assert main(["train", "--resume", "--out", "whole", "--steps", "5"]) == 2
    assert "backend 'cuda' needs" in capsys.readouterr().err


@pytest.mark.slow
def test_auto_takes_the_device_where_the_system_can_and_the_cpu_where_it_cannot(here, monkeypatch):
    monkeypatch.delenv("TINYGAN_CPU", raising=False)
    assert trained("auto", 1) == 0
    assert 'backend = "cuda"' in (here / "auto/config.toml").read_text()
    assert trained("few", 1, "sgan") == 0
    assert 'backend = "cuda"' not in (here / "few/config.toml").read_text()


def test_a_system_that_cannot_be_a_graph_is_refused_before_there_is_a_run(here, capsys):
    assert trained("few", 1, "sgan", "--backend", "cuda") == 2
    assert capsys.readouterr().err == "tinygan: sgan does not train on a GPU: use --backend jit\n"
    assert not (here / "few").exists()


def test_a_nan_on_the_device_ends_the_run_at_the_next_tick(here, capsys):
    assert trained("hot", 8, "--backend", "cuda", "--set", "adam_D.lr=1e30", "--set", "adam_G.lr=1e30") == 3
    assert "diverged at step" in capsys.readouterr().err
