"""The normalising flow: it is undone exactly, its density is one, its derivatives, purity."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample
from tinygan.errors import ShapeError, UsageError
from tinygan.layers import Coupling, Linear
from tinygan.models.flow import flow, inverse
from tinygan.optim import Adam
from tinygan.recipes import Generative
from tinygan.recipes.systems.flow import Flow, Settings
from tinygan.training.checkpoint import flatten

from ..states import exact

SMALL = {"couplings": 4, "width": 8}
N = 6


def made(rng, d=3):
    """A recipe and a state whose couplings move points far, in float64."""
    recipe = Flow(Settings(**SMALL), Sample((d,)))
    state = exact(recipe.init(rng))
    return recipe, state._replace(F=2 * state.F)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_a_flow_is_undone_and_its_determinant_is_that_of_its_jacobian(d, rng):
    net = flow(d, 5, 8)
    theta = 2 * net.init(rng, np.float64)
    x = np.concatenate([rng.normal(size=(N, d)), np.zeros((N, 1))], axis=1)
    y, _ = net.forward(theta, x)
    assert np.abs(y[:, :d] - x[:, :d]).min(axis=0).max() > 1e-3, "every number moves"
    assert np.abs(inverse(net, theta, y) - x).max() <= 1e-12
    ways = np.broadcast_to(np.eye(d, d + 1)[:, None], (d, N, d + 1))
    J = net.jvp(theta, x, ways)[1][..., :d]
    assert np.allclose(np.linalg.slogdet(J.transpose(1, 0, 2))[1], y[:, d], rtol=1e-10, atol=1e-12)


def test_the_density_has_mass_one(rng):
    recipe, state = made(rng, 2)
    state = state._replace(F=state.F / 2)  # so that the mass is near
    line = np.linspace(-12, 12, 241)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    assert np.exp(recipe.log_p(state, plane)).sum() * (line[1] - line[0]) ** 2 == pytest.approx(1, abs=2e-3)


def test_samples_have_the_latents_that_they_came_from(rng):
    recipe, state = made(rng)
    z = rng.normal(size=(N, 3))
    x = recipe.sample(state, z)
    assert np.abs(recipe.F.forward(state.F, recipe.with_log_det(x))[0][:, :3] - z).max() <= 1e-12
    assert isinstance(recipe, Generative)
    assert recipe.sample(recipe.init(rng), recipe.latents(4, rng)).dtype == np.float32


def test_the_gradient_of_a_step_is_that_of_differences(rng):
    recipe, state = made(rng)
    x, h = rng.normal(size=(N, 3)), 1e-6
    new, log = recipe.step(state, Batch(x, {}), rng)
    assert log["NLL"] == pytest.approx(-recipe.log_p(state, x).mean(), rel=1e-12)
    g = new.memory.m / (1 - recipe.settings.adam.b1)
    for _ in range(5):
        way = rng.normal(size=g.shape)
        up, down = (-recipe.log_p(state._replace(F=state.F + t * way), x).mean() for t in (h, -h))
        assert (up - down) / (2 * h) == pytest.approx(g @ way, rel=1e-6)


def test_training_finds_the_density_of_a_gaussian(rng):
    """To −log p = log 2π + ½ log |Σ| + 1 of N(m, Σ)."""
    recipe = Flow(Settings(couplings=2, width=16, adam=Adam(lr=1e-2, b1=0.9)), Sample((2,)))
    root = np.array([[0.5, 0.0], [0.4, 0.3]])
    state = recipe.init(rng)
    for _ in range(400):
        x = (rng.normal(size=(128, 2)) @ root.T + [0.5, -0.3]).astype(np.float32)
        state, _ = recipe.step(state, Batch(x, {}), rng)
    fresh = (rng.normal(size=(4000, 2)) @ root.T + [0.5, -0.3]).astype(np.float32)
    truth = np.log(2 * np.pi) + np.log(0.5 * 0.3) + 1
    assert -recipe.log_p(state, fresh).mean() == pytest.approx(truth, abs=0.06)


def test_a_step_writes_to_no_input(rng):
    recipe = Flow(Settings(**SMALL), Sample((2,)))
    state, x = recipe.init(rng), rng.normal(size=(N, 2)).astype(np.float32)
    before, same = {name: a.copy() for name, a in flatten(state).items()}, x.copy()
    new, log = recipe.step(state, Batch(x, {}), rng)
    assert np.array_equal(x, same) and all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert {"NLL", "grad_F"} == log.keys()


def test_the_command_trains_resumes_and_samples_it(tmp_path):
    small = ["--data", "moons", "--batch", "8", "--set", "width=4"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "flow", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert main(["train", "flow", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "3"]) == 0


def test_what_does_not_fit_is_one_line(rng):
    with pytest.raises(UsageError, match="flow needs points of two numbers or more: got samples of 28x28x1"):
        Flow(Settings(), Sample((28, 28, 1)))
    with pytest.raises(UsageError, match="two numbers or more"):
        Flow(Settings(), Sample((1,)))
    recipe = Flow(Settings(**SMALL), Sample((2,)))
    with pytest.raises(ShapeError, match="flow: expects points of 2: got 3"):
        recipe.log_p(recipe.init(rng), np.zeros((N, 3), np.float32))
    with pytest.raises(ValueError, match="below d = 2: got 2"):
        Coupling(2, 2, Linear(2, 0))
    with pytest.raises(ShapeError, match="f must map 1 numbers to 2"):
        Coupling(2, 1, Linear(1, 3)).out_shape((3,))


@pytest.mark.parametrize("wrong", [{"couplings": 1}, {"width": 0}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
