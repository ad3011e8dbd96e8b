"""The DCGAN recipe: shapes, options, purity."""

import numpy as np
import pytest

from tinygan.checkpoint import flatten
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.loss import LOSSES
from tinygan.models.dcgan import discriminator, generator
from tinygan.recipes.dcgan import DCGAN, Settings

SMALL = {"latent": 4, "width": 2}


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (10, 12, 1), (64, 64, 3)], ids=str)
def test_the_nets_fit_the_image(shape):
    assert generator(shape, 5, 2).out_shape((5,)) == shape
    assert discriminator(shape, 2).out_shape(shape) == (1,)


@pytest.mark.parametrize("shape", [(2,), (7, 8, 1), (4, 4, 1)], ids=str)
def test_an_image_that_cannot_be_halved_is_refused(shape):
    with pytest.raises(UsageError, match="dcgan needs"):
        generator(shape, 5, 2)


OPTIONS = [{"loss": loss} for loss in LOSSES]
OPTIONS += [{"penalty": penalty} for penalty in ("r1", "r2", "wgan-gp", "dragan")]
OPTIONS += [{"n_critic": 3}, {"batch_norm_G": False}, {"batch_norm_D": False}, {"clip": 0.5}, {"ema": 0.0}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_trains_two_finite_steps_and_writes_to_no_input(options, rng):
    recipe = DCGAN(Settings(**SMALL, **options), Sample((8, 8, 1)))
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
    assert ("penalty" in log) == ("penalty" in options)


def test_clipping_bounds_the_gradient_that_adam_sees(rng):
    recipe = DCGAN(Settings(**SMALL, clip=1e-3), Sample((8, 8, 1)))
    state, log = recipe.step(recipe.init(rng), Batch(rng.uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32), {}), rng)
    assert log["grad_D"] > 1e-3, "the log holds the norm before clipping"
    assert np.linalg.norm(state.D_memory.m) <= 1.001e-3 * 0.5  # m = (1 − b₁) g


def test_samples_are_images_in_range_and_one_does_not_depend_on_another(rng):
    recipe = DCGAN(Settings(**SMALL), Sample((8, 8, 3)))
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
