"""GRAN: its steps on the canvas, what one step is, what each step keeps for itself, the command."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.core.compose import Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.formats.png import read_png
from tinygan.layers import BatchNorm, Canvas, Linear, ReLU, Tanh
from tinygan.models import dcgan, gran
from tinygan.recipes.shared.adversarial import AdversarialRecipe
from tinygan.recipes.systems.gran import GRAN, Settings
from tinygan.sampling.standing import standing_statistics
from tinygan.training.checkpoint import flatten

SHAPE, N, LATENT, WIDTH = (8, 8, 1), 6, 4, 2
SMALL = {"latent": LATENT, "width": WIDTH}


class BesideZeros(Layer):
    """[x, 0], as many zeros as numbers in x."""

    affine = True

    def out_shape(self, shape):
        return (2 * shape[0],)

    def forward(self, p, X):
        return np.concatenate([X, np.zeros_like(X)], axis=-1), X.shape[-1]

    def backward(self, p, n, G):
        return G[..., :n]


def batch_of(rng, n=N):
    return Batch(rng.uniform(-1, 1, (n, *SHAPE)).astype(np.float32), {})


def equal(a, b):
    return all(np.array_equal(x, flatten(b)[name]) for name, x in flatten(a).items())


def test_one_step_is_the_dcgan_without_recurrence_bit_for_bit():
    recipe = GRAN(Settings(**SMALL, steps=1), Sample(SHAPE))
    chain = [*gran.code(LATENT, LATENT), BesideZeros(), *dcgan.deconvolutions(SHAPE, 2 * LATENT, WIDTH), Tanh()]
    plain = AdversarialRecipe(recipe.settings, Sample(SHAPE), Net(*chain), dcgan.discriminator(SHAPE, WIDTH))
    a, b = (r.init(np.random.default_rng(0)) for r in (recipe, plain))
    assert equal(a, b)
    for step in range(3):
        batch = batch_of(np.random.default_rng(step))
        (a, log_a), (b, log_b) = (r.step(s, batch, np.random.default_rng(7)) for r, s in ((recipe, a), (plain, b)))
        assert log_a == log_b and equal(a, b)
    z = recipe.latents(N, np.random.default_rng(1))
    assert np.array_equal(recipe.sample(a, z), plain.sample(b, z))


def test_the_canvas_is_the_loop_of_the_paper(rng):
    f, g = Sequential(Linear(5, 6), BatchNorm(6), ReLU(), Linear(6, 4)), Sequential(Linear(4, 2), BatchNorm(2), Tanh())
    net, of_f, of_g = Net(Canvas(f, g, 3, 2, 3)), Net(f), Net(g)
    theta, x = net.init(rng, np.float64), rng.normal(size=(N, 3))
    theta_f, theta_g = theta[: of_f.size], theta[of_f.size :]
    h, total = np.zeros((N, 2)), 0.0
    for _ in range(3):
        painted = of_f.forward(theta_f, np.concatenate([x, h], axis=1))[0]
        h = of_g.forward(theta_g, painted)[0]
        total = total + painted
    np.testing.assert_allclose(net.forward(theta, x)[0], total, rtol=0, atol=1e-14)


def test_gradients_through_three_steps_are_those_of_differences(rng):
    net = gran.generator(SHAPE, LATENT, WIDTH, 3)
    theta = net.init(rng, np.float64)
    theta += 0.3 * rng.normal(size=theta.shape)
    z, u = rng.normal(size=(N, LATENT)), rng.normal(size=(N, *SHAPE))
    pulled = net.backward(theta, net.forward(theta, z)[1], u)
    h = 1e-6
    for _ in range(5):
        way, turn = rng.normal(size=theta.shape), rng.normal(size=z.shape)
        up, down = ((u * net.forward(theta + t * way, z + t * turn)[0]).sum() for t in (h, -h))
        assert (up - down) / (2 * h) == pytest.approx(pulled.theta @ way + (pulled.x * turn).sum(), rel=1e-5)


def test_every_step_has_statistics_of_its_own_and_standing_ones_are_theirs(rng):
    recipe = GRAN(Settings(**SMALL, steps=3), Sample(SHAPE))
    state = recipe.init(rng)
    one, three = (gran.generator(SHAPE, LATENT, WIDTH, steps) for steps in (1, 3))
    assert three.running_size > one.running_size
    measured = standing_statistics(three, state.G, state.G_running, lambda rng: recipe.latents(64, rng), 20, rng)
    z = recipe.latents(64, rng)
    trained = three.forward(state.G, z)[0]
    evaluated = three.eval(measured).forward(state.G, z)[0]
    first_for_all = three.eval(state.G_running).forward(state.G, z)[0]
    assert np.abs(evaluated - trained).max() < 0.5 * np.abs(first_for_all - trained).max()
    own = measured[one.running_size :]
    assert (own != state.G_running[one.running_size :]).all()


def test_each_canvas_adds_a_painting_and_the_last_is_the_sample(rng):
    recipe = GRAN(Settings(**SMALL, steps=3), Sample(SHAPE))
    state = recipe.init(rng)
    for _ in range(3):
        state, _ = recipe.step(state, batch_of(rng), rng)
    z = recipe.latents(4, rng)
    canvases = recipe.canvases(state, z)
    assert canvases.shape == (4, 3, *SHAPE) and np.abs(canvases).max() <= 1
    assert np.array_equal(canvases[:, 2], recipe.sample(state, z))
    assert all((canvases[:, t] != canvases[:, t + 1]).any() for t in range(2))


def test_a_canvas_that_is_none_is_refused():
    with pytest.raises(ValueError, match="rows of 3 \\+ 2 numbers to rows of 2"):
        Canvas(Linear(5, 4), Linear(4, 3), 3, 2, 2)
    with pytest.raises(ValueError, match="at least 1: got 0"):
        Canvas(Linear(5, 4), Linear(4, 2), 3, 2, 0)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_step_writes_to_no_input_and_changes_every_player(steps, rng):
    recipe = GRAN(Settings(**SMALL, steps=steps), Sample((8, 8, 3)))
    state, batch = recipe.init(rng), Batch(rng.uniform(-1, 1, (N, 8, 8, 3)).astype(np.float32), {})
    before = {name: a.copy() for name, a in flatten(state).items()}
    new, log = recipe.step(state, batch, rng)
    assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert np.isfinite(list(log.values())).all()
    assert all((a != b).any() for a, b in zip(new[:5], state[:5], strict=True) if a.size)


def test_the_command_trains_and_resumes_it_bit_for_bit(tmp_path, capsys):
    small = ["--batch", "4", "--set", "latent=4", "--set", "width=2", "--set", "steps=2"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "gran", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert main(["train", "gran", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "3", "--standing", "2"]) == 0


def test_a_sequence_of_the_command_ends_with_its_samples(tmp_path, capsys):
    run, small = str(tmp_path / "run"), ["--batch", "4", "--set", "latent=4", "--set", "width=2"]
    assert main(["train", "gran", *small, "--set", "steps=2", "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "70", "--sequence", "--out", f"{run}/rows.npy"]) == 0
    assert main(["sample", run, "-n", "70", "--out", f"{run}/last.npy"]) == 0
    rows, last = (np.load(f"{run}/{name}.npy") for name in ("rows", "last"))
    assert rows.shape == (70, 2, 28, 28, 1) and np.array_equal(rows[:, 1], last)
    assert main(["sample", run, "-n", "5", "--sequence", "--scale", "1"]) == 0
    assert "sample-n5-seed0-sequence.png: 5 x 2 samples" in capsys.readouterr().out
    assert read_png(tmp_path / "run/samples/sample-n5-seed0-sequence.png").shape == (5 * 30 + 2, 2 * 30 + 2, 3)
    assert main(["train", "dcgan", *small, "--steps", "1", "--out", f"{run}2"]) == 0
    assert main(["sample", f"{run}2", "--sequence"]) == 2
    assert "dcgan makes a sample in one step: sequence is for draw, gran, lapgan" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 65}, {"width": 0}, {"latent": 0}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)


def test_points_are_refused():
    with pytest.raises(UsageError, match="convolutions need images"):
        GRAN(Settings(), Sample((2,)))
