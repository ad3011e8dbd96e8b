"""The BEGAN recipe: its balance, what each player minimises, purity."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.models import began as nets
from tinygan.recipes.systems.began import BEGAN, Settings, controlled
from tinygan.training.checkpoint import flatten, load_checkpoint, save_checkpoint

from ..states import exact

SHAPE, N = (8, 8, 1), 5
SMALL = {"latent": 3, "width": 2}


@pytest.fixture
def system(rng):
    """A recipe, a first state and a batch, in float64."""
    recipe = BEGAN(Settings(**SMALL), Sample(SHAPE))
    return recipe, exact(recipe.init(rng)), Batch(rng.uniform(-1, 1, (N, *SHAPE)), {})


def test_constant_losses_drive_k_in_a_line_until_it_is_held_at_one_and_at_zero():
    k, M, seen = 0.0, 0.0, []
    for real, fake in [(2.0, 0.5)] * 30 + [(2.0, 1.5)] * 60:
        k, M = controlled(k, 0.5, 0.1, real, fake)
        seen.append((k, M))
    rise = np.minimum(0.05 * np.arange(1, 31), 1)  # 0.1 (0.5 · 2 − 0.5) a step
    fall = np.maximum(1 - 0.05 * np.arange(1, 61), 0)
    assert np.allclose([k for k, _ in seen], [*rise, *fall], atol=1e-12)
    assert seen[29][0] == 1.0 and seen[-1][0] == 0.0, "clipped, exactly"
    assert np.allclose([M for _, M in seen], 2.5), "L(x) + |balance|, of either sign"


def test_in_balance_k_stays():
    assert controlled(0.3, 0.5, 0.1, 0.8, 0.4) == (0.3, 0.8)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (10, 12, 1), (64, 64, 3)], ids=str)
def test_the_nets_fit_the_image(shape):
    assert nets.generator(shape, 5, 2).out_shape((5,)) == shape
    assert nets.discriminator(shape, 5, 2).out_shape(shape) == shape


@pytest.mark.parametrize("shape", [(2,), (7, 8, 1)], ids=str)
def test_an_image_that_cannot_be_halved_is_one_line(shape):
    with pytest.raises(UsageError, match="convolutions need"):
        BEGAN(Settings(), Sample(shape))


def test_D_is_what_an_autoencoder_leaves_of_an_image(system, rng):
    recipe, state, batch = system
    gap, _ = recipe.D.forward(state.D, batch.x)
    A = nets.Net(*nets.encoder(SHAPE, 3, 2), *nets.decoder(SHAPE, 3, 2))
    assert np.abs(batch.x + A.forward(state.D, batch.x)[0] - gap).max() <= 1e-14
    value, _, _ = recipe.reconstruction_loss(state, batch.x, 1.0)
    assert value == pytest.approx(np.abs(gap).mean(), rel=1e-14)


def losses(recipe, state, batch, z_D, z_G):
    """L_D and L_G of θ."""
    real, for_D, for_G = (
        np.abs(recipe.D.forward(state.D, x)[0]).mean()
        for x in (batch.x, *(recipe.G.forward(state.G, z)[0] for z in (z_D, z_G)))
    )
    return real - state.k * for_D, for_G


def test_the_gradients_are_those_of_differences_of_each_players_own_loss(system, rng):
    recipe, state, batch = system
    state = state._replace(k=0.4)
    new, log = recipe.step(state, batch, np.random.default_rng(3))
    same = np.random.default_rng(3)
    z_D, z_G = recipe.latents(N, same), recipe.latents(N, same)
    h = 1e-7
    for which, name, memory in ((0, "D", new.D_memory), (1, "G", new.G_memory)):
        theta = getattr(state, name)
        way = rng.normal(size=theta.shape)
        up, down = (losses(recipe, state._replace(**{name: theta + t * way}), batch, z_D, z_G) for t in (h, -h))
        g = memory.m / (1 - recipe.settings.adam_D.b1)  # m = (1 − b₁) g
        assert (up[which] - down[which]) / (2 * h) == pytest.approx(g @ way, rel=1e-5), name
    assert log["L_fake"] == pytest.approx(losses(recipe, state, batch, z_D, z_G)[1], rel=1e-12)


def test_k_begins_at_zero_follows_the_balance_and_D_does_not_learn_of_G_while_it_is_zero(system, rng):
    recipe, state, batch = system
    assert state.k == 0
    new, log = recipe.step(state, batch, np.random.default_rng(3))
    other, _ = recipe.step(state._replace(G=-state.G), batch, np.random.default_rng(3))
    assert np.array_equal(new.D, other.D)
    assert new.k == controlled(0.0, 0.5, recipe.settings.gain, log["L_real"], log["L_fake"])[0]
    assert log["M"] == pytest.approx(log["L_real"] + abs(0.5 * log["L_real"] - log["L_fake"]))
    held = state._replace(k=0.5)
    a, b = (recipe.step(s, batch, np.random.default_rng(3))[0] for s in (held, held._replace(G=-state.G)))
    assert not np.array_equal(a.D, b.D)


def test_a_checkpoint_goes_on_as_if_it_had_not_been_left_k_too(rng, tmp_path):
    recipe = BEGAN(Settings(**SMALL, gain=0.1), Sample(SHAPE))
    batch = Batch(rng.uniform(-1, 1, (4, *SHAPE)).astype(np.float32), {})
    state, _ = recipe.step(recipe.init(rng)._replace(k=0.3), batch, rng)
    path = save_checkpoint(tmp_path, 1, state, {})
    again, _ = load_checkpoint(path, recipe.init(np.random.default_rng(9)))
    assert again.k == state.k != 0.3
    (a, log_a), (b, log_b) = (recipe.step(s, batch, np.random.default_rng(2)) for s in (state, again))
    assert log_a == log_b
    left, right = flatten(a), flatten(b)
    assert left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)], ids=str)
def test_a_step_is_finite_writes_to_no_input_and_samples_are_images(shape, rng):
    recipe = BEGAN(Settings(**SMALL), Sample(shape))
    state = recipe.init(rng)
    batch = Batch(rng.uniform(-1, 1, (4, *shape)).astype(np.float32), {})
    before = {name: a.copy() for name, a in flatten(state).items()}
    new, log = recipe.step(state, batch, rng)
    assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert {"M", "k", "L_real", "L_fake"} <= log.keys() and np.isfinite(list(log.values())).all()
    images = recipe.sample(new, recipe.latents(3, rng))
    assert images.shape == (3, *shape) and images.dtype == np.float32 and np.abs(images).max() <= 1


def test_the_command_trains_and_resumes_it_bit_for_bit(tmp_path, capsys):
    small = ["--batch", "4", "--set", "latent=4", "--set", "width=2", "--set", "gain=0.2"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "began", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert "L_real" in capsys.readouterr().err  # it has no loss_D to show
    assert main(["train", "began", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "3"]) == 0


WRONG = [{"ratio": 1.0}, {"gain": -1.0}, {"latent": 0}, {"width": 0}, {"ratio": np.nan}]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
