"""Scales and shifts in the blocks of a generator: nothing at first, then every part of the condition reaches the image."""

import numpy as np
import pytest

from tinygan.data import Sample
from tinygan.errors import UsageError
from tinygan.models import sngan
from tinygan.recipes.systems.pcgan import PCGAN, Settings

SHAPE, K, LATENT, N = (28, 28, 1), 3, 6, 5
PART = sngan.part(SHAPE, LATENT)
WAYS = {  # how, the condition's numbers before z, the numbers of z that the linear map sees
    "by class": (sngan.by_class(K, 0.0), K, LATENT),
    "by itself": (sngan.by_itself(LATENT), 0, LATENT),
    "by parts": (sngan.by_parts(SHAPE, K, LATENT, 0.0), K, PART),
}


def modulated(way):
    """The generator, its θ (P,) and rows [c, z] in float64."""
    modulation, given, seed = WAYS[way]
    net = sngan.generator(SHAPE, LATENT, 2, given=given, modulation=modulation, begins=seed)
    rng = np.random.default_rng(0)
    c = np.eye(K)[rng.integers(K, size=N)][:, :given]
    return net, net.init(rng, np.float64), np.concatenate([c, rng.normal(size=(N, LATENT))], axis=1)


@pytest.mark.parametrize("way", WAYS)
def test_at_first_it_is_the_identity(way):
    net, theta, x = modulated(way)
    _, given, seed = WAYS[way]
    plain = sngan.generator(SHAPE, seed, 2)
    own = np.concatenate([a.ravel() for name, a in net.view(theta).items() if ".film." not in name])
    assert len(own) == plain.size < net.size
    y, z = net.forward(theta, x)[0], plain.forward(own, x[:, given : given + seed])[0]
    assert np.abs(y - z).max() <= 1e-12


@pytest.mark.parametrize("way", WAYS)
def test_every_number_of_the_condition_and_of_z_reaches_the_image_after_a_while(way):
    net, theta, x = modulated(way)
    theta = theta + 0.1 * np.random.default_rng(1).normal(size=theta.shape)
    y = net.forward(theta, x)[0]
    for i in range(x.shape[1]):
        moved = x.copy()
        moved[:, i] += 0.5
        assert np.abs(net.forward(theta, moved)[0] - y).max() >= 1e-3, f"number {i} of a row"


def test_a_part_of_z_reaches_its_own_block_and_no_other():
    """With the scales and shifts of one block at zero the others' parts still count, its own does not."""
    net, theta, x = modulated("by parts")
    theta = theta + 0.1 * np.random.default_rng(1).normal(size=theta.shape)
    films = [name for name in net.view(theta) if ".film." in name]
    assert len(films) == 4, "two in each of two blocks"
    for block in (0, 1):
        still = theta.copy()
        for name in films[2 * block : 2 * block + 2]:
            net.view(still)[name][:] = 0
        y = net.forward(still, x)[0]
        for part in (0, 1):
            moved = x.copy()
            start = K + (1 + part) * PART
            moved[:, start : start + PART] += 0.5
            error = np.abs(net.forward(still, moved)[0] - y).max()
            assert error == 0 if part == block else error >= 1e-3


@pytest.mark.parametrize(("shape", "latent"), [((28, 28, 1), 128), ((32, 32, 3), 126), ((64, 64, 3), 4)], ids=str)
def test_a_hierarchical_latent_that_does_not_come_out_even_is_one_line(shape, latent):
    settings = Settings(latent=latent, width_G=1, width_D=1, hierarchical=True)
    n = sngan.levels(shape) + 1
    with pytest.raises(UsageError, match=f"has {n} equal parts at .*: {latent} is no multiple of {n}") as refused:
        PCGAN(settings, Sample(shape, K))
    assert "\n" not in str(refused.value)
    PCGAN(Settings(latent=5 * n, width_G=1, width_D=1, hierarchical=True), Sample(shape, K))
