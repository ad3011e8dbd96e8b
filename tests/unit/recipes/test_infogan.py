"""The InfoGAN recipe: what both players learn of codes, who sees them, and sweeps of them."""

import math

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.formats.png import read_png
from tinygan.models import infogan as nets
from tinygan.recipes.shared.adversarial import AdversarialRecipe
from tinygan.recipes.systems.infogan import InfoGAN, Settings
from tinygan.training.checkpoint import flatten, load_checkpoint, save_checkpoint

from ..states import exact

SHAPE, N = (8, 8, 1), 6
SMALL = {"latent": 4, "width": 2, "categories": 3}
SAMPLE = Sample(SHAPE)


def system(rng, **options):
    """A recipe, a first state away from zeros and a batch, in float64."""
    recipe = InfoGAN(Settings(**SMALL, **options), SAMPLE)
    state = exact(recipe.init(rng))
    G, D = (a + 0.1 * rng.normal(size=a.shape) for a in (state.G, state.D))
    return recipe, state._replace(G=G, D=D), Batch(rng.uniform(-1, 1, (N, *SHAPE)), {})


def objective(recipe, y, codes):
    """The log and the cotangents of numbers y (N, 1 + K + m) of generated images, the game's left out."""
    g = {"fake": np.zeros_like(y)}
    return recipe.add_codes({"fake": y}, g, Batch(y, {"codes": codes})), g["fake"]


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (10, 12, 1)], ids=str)
def test_the_nets_fit_the_image(shape):
    assert nets.generator(shape, 5, 2).out_shape((5,)) == shape
    assert nets.discriminator(shape, 2, 4).out_shape(shape) == (5,)


def test_of_a_Q_that_knows_nothing_the_information_is_zero_and_of_one_that_knows_all_it_is_that_of_the_code(rng):
    recipe = InfoGAN(Settings(**SMALL), SAMPLE)
    codes = recipe.codes(1000, rng).astype(np.float64)
    blind = np.zeros((1000, 6))
    log, _ = objective(recipe, blind, codes)
    assert log["L_I"] == pytest.approx(0, abs=1e-12)
    assert log["cont"] == pytest.approx(2 * 0.5 / 3, rel=0.1)  # ½ E u² of two codes, u ~ U(−1, 1)
    told = np.concatenate([np.zeros((1000, 1)), 50 * codes[:, :3], codes[:, 3:]], axis=1)
    log, g = objective(recipe, told, codes)
    assert log["L_I"] == pytest.approx(math.log(3), abs=1e-12) and log["cont"] == 0
    assert np.abs(g).max() <= 1e-15


def test_the_cotangents_are_those_of_minus_the_weighed_information(rng):
    recipe = InfoGAN(Settings(**SMALL, information=0.7, information_continuous=0.3), SAMPLE)
    codes, y, way, h = recipe.codes(N, rng), rng.normal(size=(N, 6)), rng.normal(size=(N, 6)), 1e-6

    def value(y):
        log, _ = objective(recipe, y, codes)
        return -0.7 * log["L_I"] + 0.3 * log["cont"]

    _, g = objective(recipe, y, codes)
    assert (g * way).sum() == pytest.approx((value(y + h * way) - value(y - h * way)) / (2 * h), rel=1e-6)
    assert not g[:, 0].any(), "the logit is the game's"


def test_without_information_a_step_is_that_of_the_game_and_Q_learns_nothing(rng):
    recipe, state, batch = system(rng, information=0.0, information_continuous=0.0)
    plain = AdversarialRecipe(recipe.settings, SAMPLE, recipe.G, recipe.D)
    made = recipe.generate(state, recipe.latents(N, rng))
    codes = Batch(batch.x, {"codes": made.z[:, : recipe.cond_dim]})
    new, _ = recipe.step_D(state, codes, made, rng)
    other, _ = plain.step_D(state, batch, made, rng)
    assert np.array_equal(new.D, other.D)
    assert np.array_equal(recipe.step_G(state, codes, made, rng)[0].G, plain.step_G(state, batch, made, rng)[0].G)
    head = [a for name, a in recipe.D.view(new.D_memory.m).items() if ".1.sequential." in name]
    assert len(head) == 5 and not any(a.any() for a in head)


def test_D_sees_no_codes_and_G_does(rng):
    recipe, state, batch = system(rng)
    z = recipe.latents(N, rng).astype(np.float64)
    other = np.concatenate([np.roll(z[:, : recipe.cond_dim], 1, axis=0), z[:, recipe.cond_dim :]], axis=1)
    assert np.abs(recipe.generate(state, z).x - recipe.generate(state, other).x).max() > 1e-3
    groups = recipe.d_inputs(batch, z[:, : recipe.cond_dim], batch.x)
    assert all(x.shape == (N, *SHAPE) for x in groups.values())


def test_both_players_learn_of_generated_images_only_that_the_codes_be_read(rng):
    recipe, state, batch = system(rng, information=5.0)
    made = recipe.generate(state, recipe.latents(N, rng))
    c = made.z[:, : recipe.cond_dim]
    right, wrong = (Batch(batch.x, {"codes": codes}) for codes in (c, np.roll(c, 1, axis=0)))
    for step in (recipe.step_D, recipe.step_G):
        a, b = (step(state, codes, made, rng)[0] for codes in (right, wrong))
        assert not np.array_equal(a.D, b.D) or not np.array_equal(a.G, b.G)
    y = {"real": rng.normal(size=(N, 6)), "fake": rng.normal(size=(N, 6))}
    assert not recipe.objective_D(y, right)[1]["real"][:, 1:].any()


def test_codes_are_drawn_anew_for_each_step_of_D_and_are_in_range(rng):
    recipe = InfoGAN(Settings(**SMALL, n_critic=2), SAMPLE)
    c = recipe.codes(3000, rng)
    assert c.dtype == np.float32 and np.array_equal(c[:, :3].sum(axis=1), np.ones(3000))
    assert np.abs(c[:, :3].mean(axis=0) - 1 / 3).max() <= 0.05
    assert 0.99 <= np.abs(c[:, 3:]).max() <= 1 and np.abs(c[:, 3:].mean(axis=0)).max() <= 0.05
    batch, seen = Batch(rng.uniform(-1, 1, (2 * N, *SHAPE)).astype(np.float32), {}), []
    recipe.objective_D = lambda y, batch: seen.append(batch.labels["codes"]) or InfoGAN.objective_D(recipe, y, batch)
    recipe.step(recipe.init(rng), batch, rng)
    assert len(seen) == 2 and not np.array_equal(*seen)


def test_a_checkpoint_goes_on_as_if_it_had_not_been_left(rng, tmp_path):
    recipe = InfoGAN(Settings(**SMALL), SAMPLE)
    batch = Batch(rng.uniform(-1, 1, (4, *SHAPE)).astype(np.float32), {})
    state, _ = recipe.step(recipe.init(rng), batch, rng)
    path = save_checkpoint(tmp_path, 1, state, {})
    again, _ = load_checkpoint(path, recipe.init(np.random.default_rng(9)))
    (a, log_a), (b, log_b) = (recipe.step(s, batch, np.random.default_rng(2)) for s in (state, again))
    assert log_a == log_b
    left, right = flatten(a), flatten(b)
    assert left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


OPTIONS = [{"loss": "hinge"}, {"penalty": "r1"}, {"penalty": "wgan-gp"}, {"continuous": 0}, {"n_critic": 2}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_trains_a_finite_step_and_writes_to_no_input(options, rng):
    recipe = InfoGAN(Settings(**SMALL, **options), SAMPLE)
    state = recipe.init(rng)
    batch = Batch(rng.uniform(-1, 1, (4 * recipe.batches, *SHAPE)).astype(np.float32), {})
    before = {name: a.copy() for name, a in flatten(state).items()}
    new, log = recipe.step(state, batch, rng)
    assert not batch.labels
    assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert all(np.isfinite(value) for value in log.values()) and "L_I" in log
    assert ("cont" in log) == (recipe.settings.continuous > 0)


def test_a_sweep_moves_one_code_along_a_row_and_holds_the_rest(rng):
    recipe = InfoGAN(Settings(**SMALL), SAMPLE)
    K, given = 3, recipe.cond_dim
    first = recipe.code_sweep("c0", rng)
    assert first.shape == (10, K, given + 4)
    assert np.array_equal(first[..., :K], np.tile(np.eye(K), (10, 1, 1))) and not first[..., K:given].any()
    second = recipe.code_sweep("c2", rng)
    assert second.shape == (K, 10, given + 4)
    assert np.array_equal(second[..., :K], np.repeat(np.eye(K)[:, None], 10, axis=1))
    assert not second[..., K].any()
    assert np.allclose(second[..., K + 1], np.linspace(-2, 2, 10))
    for x in (first, second):
        z = x[..., given:]
        assert (z == z[:, :1]).all() and len(np.unique(z[:, 0, 0])) == len(z)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of one step with codes and without."""
    folder = tmp_path_factory.mktemp("runs")
    small = ["--steps", "1", "--batch", "4", "--set", "latent=4", "--set", "width=2"]
    for name, more in (("infogan", ["--set", "categories=3"]), ("dcgan", [])):
        assert main(["train", name, *small, *more, "--out", str(folder / name)]) == 0
    return folder


def test_sweep_writes_a_grid_of_the_codes(runs, capsys):
    run, out = runs / "infogan", runs / "sweep.npy"
    assert main(["sample", str(run), "--sweep", "c1", "--scale", "1"]) == 0
    assert "sample-seed0-sweepc1.png: 3 x 10 samples" in capsys.readouterr().out
    assert read_png(run / "samples/sample-seed0-sweepc1.png").shape == (3 * 30 + 2, 10 * 30 + 2, 3)
    assert main(["sample", str(run), "--sweep", "c0", "--out", str(out)]) == 0
    images = np.load(out)
    assert images.shape == (10, 3, 28, 28, 1)
    assert not np.array_equal(images[:, 0], images[:, 1]) and not np.array_equal(images[0], images[1])


WRONG = [{"categories": 1}, {"continuous": -1}, {"information": -0.1}, {"information_continuous": np.nan}]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
