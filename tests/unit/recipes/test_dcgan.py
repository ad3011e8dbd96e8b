"""The DCGAN recipe: shapes, options, purity."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.models.dcgan import discriminator, generator
from tinygan.objectives.losses import LOSSES
from tinygan.recipes.shared.tangents import AVERAGE, Orthonormal
from tinygan.recipes.shared.unconditional import Unconditional
from tinygan.recipes.systems.dcgan import Settings
from tinygan.training.checkpoint import flatten, restore

SMALL = {"latent": 4, "width": 2}


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (10, 12, 1), (64, 64, 3)], ids=str)
def test_the_nets_fit_the_image(shape):
    assert generator(shape, 5, 2).out_shape((5,)) == shape
    assert discriminator(shape, 2).out_shape(shape) == (1,)


@pytest.mark.parametrize("shape", [(2,), (7, 8, 1), (4, 4, 1)], ids=str)
def test_an_image_that_cannot_be_halved_is_refused(shape):
    with pytest.raises(UsageError, match="convolutions need"):
        generator(shape, 5, 2)


OPTIONS = [{"loss": loss} for loss in LOSSES]
OPTIONS += [{"penalty": penalty} for penalty in ("r1", "r2", "wgan-gp", "dragan")]
OPTIONS += [{"n_critic": 3}, {"norm_G": "none"}, {"norm_D": "none"}, {"clip": 0.5}, {"ema": 0.0}]
OPTIONS += [{"orthonormal": Orthonormal(eta=0.1, scale=scale)} for scale in (0.0, 1.0)]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_trains_two_finite_steps_and_writes_to_no_input(options, rng):
    recipe = Unconditional(Settings(**SMALL, **options), Sample((8, 8, 1)))
    state = recipe.init(rng)
    for _ in range(2):
        batch = rng.uniform(-1, 1, (4 * recipe.batches, 8, 8, 1)).astype(np.float32)
        before = {name: a.copy() for name, a in flatten(state).items()}
        new, log = recipe.step(state, Batch(batch, {}), rng)
        assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
        assert all(np.isfinite(a).all() for a in flatten(new).values())
        assert all(np.isfinite(value) for value in log.values())
        assert not np.array_equal(new.G, state.G) and not np.array_equal(new.D, state.D)
        state = new
    assert state.D_memory.t == 2 * recipe.batches and state.G_memory.t == 2
    constraint = recipe.settings.orthonormal
    assert ("penalty" in log) == ("penalty" in options)
    assert ("orthonormal" in log) == (constraint.eta > 0) == (state.tangent > 0)
    assert ("scale" in log) == (constraint.eta > 0 and constraint.scale == 0)


def test_tangents_have_a_running_mean_of_lengths_that_begins_with_its_first_and_comes_back_from_a_checkpoint(rng):
    recipe = Unconditional(Settings(**SMALL, orthonormal=Orthonormal(eta=0.1, scale=0.0)), Sample((8, 8, 1)))
    batch = Batch(rng.uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32), {})
    state = recipe.init(rng)
    first = recipe.step(state, batch, np.random.default_rng(1))[0].tangent
    state, log = recipe.step(state._replace(tangent=1.0), batch, np.random.default_rng(1))
    assert state.tangent == pytest.approx(AVERAGE + (1 - AVERAGE) * first, rel=1e-12)
    assert log["scale"] == state.tangent**0.5
    again = restore(recipe.init(rng), flatten(state))
    (a, log_a), (b, log_b) = (recipe.step(s, batch, np.random.default_rng(2)) for s in (state, again))
    assert log_a == log_b and a.tangent == b.tangent and np.array_equal(a.G, b.G)


@pytest.mark.parametrize("statistics", ["frozen", "batch"])
@pytest.mark.parametrize("scale", [0.0, 1.0], ids=["learned", "given"])
def test_a_step_of_G_adds_the_exact_gradient_of_the_constraint(scale, statistics):
    rng = np.random.default_rng(0)
    free, held = (
        Unconditional(
            Settings(**SMALL, orthonormal=Orthonormal(eta, 3, 4, scale, statistics=statistics)), Sample((8, 8, 1))
        )
        for eta in (0.0, 0.7)
    )
    state = held.init(rng)
    G, D, G_running, D_running = (a.astype(np.float64) for a in state[:4])
    G += 0.3 * rng.normal(size=G.shape)  # away from zeros
    state = state._replace(G=G, D=D, G_running=G_running + 0.3, D_running=D_running, G_ema=G, tangent=0.5)
    state = state._replace(G_memory=free.settings.adam_G.init(G))
    z = held.latents(6, rng)

    def step(recipe, theta):
        at = state._replace(G=theta)
        return recipe.step_G(at, Batch(z, {}), recipe.generate(at, z), np.random.default_rng(1))

    m_free, m_held = (step(recipe, G)[0].G_memory.m for recipe in (free, held))  # m = (1 − b₁) g
    g = (m_held - m_free) / (1 - free.settings.adam_G.b1)
    way, h = rng.normal(size=G.shape), 1e-6
    up, down = (step(held, G + t * way)[1]["orthonormal"] for t in (h, -h))
    assert 0.7 * (up - down) / (2 * h) == pytest.approx(g @ way, rel=1e-6)


def test_clipping_bounds_the_gradient_that_adam_sees(rng):
    recipe = Unconditional(Settings(**SMALL, clip=1e-3), Sample((8, 8, 1)))
    state, log = recipe.step(recipe.init(rng), Batch(rng.uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32), {}), rng)
    assert log["grad_D"] > 1e-3, "the log holds the norm before clipping"
    assert np.linalg.norm(state.D_memory.m) <= 1.001e-3 * 0.5  # m = (1 − b₁) g


def test_samples_are_images_in_range_and_one_does_not_depend_on_another(rng):
    recipe = Unconditional(Settings(**SMALL), Sample((8, 8, 3)))
    state = recipe.init(rng)
    z = recipe.latents(6, rng)
    images = recipe.sample(state, z)
    assert images.shape == (6, 8, 8, 3) and images.dtype == np.float32
    assert np.abs(images).max() <= 1
    assert np.allclose(images[2:3], recipe.sample(state, z[2:3]), atol=1e-6)


@pytest.mark.parametrize("wrong", [{"latent": 0}, {"ema": 1.0}, {"gamma": -1.0}, {"n_critic": 0}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"latent": 3, "orthonormal": Orthonormal(eta=0.1)}, "tangents is 4, but the generator has 3 latent axes"),
        ({"orthonormal": Orthonormal(eta=0.1, tangents=1)}, "tangents is 1 of 64 axes"),
    ],
)
def test_a_constraint_that_the_generator_cannot_be_held_to_is_one_line(wrong, words):
    with pytest.raises(UsageError, match=words) as refused:
        Settings(**wrong)
    assert "\n" not in str(refused.value)
    Settings(**{**wrong, "orthonormal": Orthonormal(eta=0.0)})
