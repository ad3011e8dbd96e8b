"""What recipes can do is told by protocols, and each protocol means the recipes that it is about."""

import numpy as np
import pytest

from tinygan.data import Sample, open_data
from tinygan.errors import UsageError
from tinygan.models.classifier import Classifier
from tinygan.recipes import RECIPES
from tinygan.recipes.protocols import (
    ChecksBatch,
    Discriminates,
    ExtractsFeatures,
    GaussianLatents,
    LocalCoordinates,
    Translates,
)
from tinygan.recipes.shared.adversarial import AdversarialRecipe
from tinygan.recipes.shared.unconditional import Unconditional

DATA = {"flow": "ring", "scratchgan": "patterns", "cyclegan": "strokes-edges"}
GANS = {name for name, entry in RECIPES.items() if issubclass(entry.make, AdversarialRecipe)}
SYSTEMS = {
    ChecksBatch: {name for name, entry in RECIPES.items() if issubclass(entry.make, Unconditional)},
    Discriminates: GANS,
    ExtractsFeatures: {"classifier"},
    GaussianLatents: GANS,
    LocalCoordinates: {"lgan", "lgan-semi"},
    Translates: {"cyclegan"},
}


def system(name, **settings):
    """A small recipe for the data that it is made for."""
    entry, data = RECIPES[name], open_data(DATA.get(name, "strokes"))
    small = {key: value for key, value in {"width": 4, "latent": 4}.items() if hasattr(entry.settings(), key)}
    return entry.make(entry.settings(**small | settings), Sample(data.shape, len(data.classes), data.classes))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_what_its_class_can(name):
    recipe = system(name)
    assert {kind for kind in SYSTEMS if isinstance(recipe, kind)} == {
        kind for kind, of in SYSTEMS.items() if name in of
    }


@pytest.mark.parametrize(
    ("name", "boundary"),
    [("dcgan", 0.0), ("lsgan", 0.5), ("hinge", 0.0), ("wgan", None), ("wgan-gp", None), ("fgan", None)],
)
def test_the_boundary_of_a_discriminator_is_that_of_its_loss(name, boundary):
    assert system(name).d_boundary == boundary


def test_values_of_a_discriminator_are_of_its_running_statistics(rng):
    recipe = system("dcgan")
    state, x = recipe.init(rng), rng.uniform(-1, 1, (6, 28, 28, 1)).astype(np.float32)
    found = recipe.discriminate(state, x)
    assert found.shape == (6,)
    np.testing.assert_allclose(found[2:4], recipe.discriminate(state, x[2:4]), rtol=1e-4, atol=1e-6)


def test_a_batch_that_packs_do_not_divide_is_refused():
    recipe = system("gan", pack=4)
    recipe.check_batch(8)
    with pytest.raises(UsageError, match="pack is 4, which does not divide a batch of 6"):
        recipe.check_batch(6)


def test_an_extractor_is_the_averaged_classifier(rng):
    recipe = system("classifier")
    state, x = recipe.init(rng), rng.uniform(-1, 1, (3, 28, 28, 1)).astype(np.float32)
    f, theta, running = recipe.extractor(state)
    assert isinstance(f, Classifier)
    assert all(np.array_equal(a, b) for a, b in zip(f.read(theta, running, x), recipe.read(state, x), strict=True))


def test_local_coordinates_have_the_settings_of_the_generator():
    recipe = system("lgan", sigma=0.7)
    assert (recipe.latent, recipe.spread) == (4, 0.7)
