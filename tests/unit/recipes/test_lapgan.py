"""LAPGAN: what each level sees and makes, samples from coarse to fine, classes, purity."""

from itertools import pairwise

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample, open_data
from tinygan.errors import UsageError
from tinygan.images.pyramid import build, collapse, enlarged
from tinygan.recipes import Generative, SamplesInSteps
from tinygan.recipes.systems.lapgan import LAPGAN, Settings, sizes
from tinygan.training.checkpoint import flatten

from ..states import exact

SMALL = {"width": 2, "latent": 3}
SHAPE = (13, 16, 2)


def made(rng, shape=SHAPE, kinds=1, **options):
    recipe = LAPGAN(Settings(**SMALL, **options), Sample(shape, kinds))
    return recipe, recipe.init(rng)


def batch_of(rng, n=4, shape=SHAPE, kinds=3):
    return Batch(rng.uniform(-1, 1, (n, *shape)).astype(np.float32), {"class": rng.integers(kinds, size=n)})


@pytest.mark.parametrize("options", [{}, {"classes": True}, {"penalty": "r1"}, {"n_critic": 2}, {"levels": 1}], ids=str)
def test_a_step_moves_every_level_and_writes_to_no_input(options, rng):
    recipe, state = made(rng, kinds=3, **options)
    batch = batch_of(rng, 4 * recipe.batches)
    before, x = {name: a.copy() for name, a in flatten(state).items()}, batch.x.copy()
    assert recipe.nets.keys() < before.keys()
    new, log = recipe.step(state, batch, rng)
    assert np.array_equal(batch.x, x) and all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    after = flatten(new)
    assert all(not np.array_equal(after[name], before[name]) for name in recipe.nets)
    levels = recipe.settings.levels
    assert {f"accuracy_{k}" for k in range(levels + 1)} <= log.keys() and np.isfinite(list(log.values())).all()


def test_what_d_tells_rightly_is_on_the_right_side_of_its_losss_middle(rng):
    y = {"real": np.full((4, 1), 0.6), "fake": np.full((4, 1), 0.4)}
    for loss, share in (("least-squares", 1.0), ("hinge", 0.5)):
        recipe, _ = made(rng, loss=loss)
        log, _ = recipe.levels[0].objective_D(y, batch_of(rng))
        assert log["accuracy"] == share


def test_every_level_sees_the_images_of_its_size_and_is_told_the_coarse_one(rng, monkeypatch):
    recipe, state = made(rng)
    batch = batch_of(rng)
    *residuals, coarsest = build(batch.x, 2)
    images = [batch.x, enlarged(coarsest, *residuals[1].shape[1:3]) + residuals[1], coarsest]
    seen = []
    for k, each in enumerate(recipe.levels):

        def watched(part, c, fake, k=k, groups=each.d_inputs):
            found = groups(part, c, fake)
            assert np.allclose(found["real"], images[k], atol=1e-6)
            assert np.allclose(found["fake"] - fake, found["real"] - part.x, atol=1e-6), "the same coarse image"
            seen.append(k)
            return found

        monkeypatch.setattr(each, "d_inputs", watched)
    recipe.step(state, batch, rng)
    assert seen == [2, 1, 0]


def test_the_gradient_of_a_level_is_that_of_differences(rng):
    """Of G at the finest level, through the sum with the coarse image, by the loss that it minimises."""
    recipe, state = made(rng, dropout=0.0, levels=1)
    level, s = recipe.levels[0], exact(state.levels[0])
    batch = batch_of(rng)
    h, coarse = build(batch.x.astype(np.float64), 1)
    part = Batch(h, {"coarse": enlarged(coarse, *SHAPE[:2])})
    z = np.concatenate([level.condition(part), level.noise(4, rng)], axis=1).astype(np.float64)

    def loss(theta):
        x = level.G.forward(theta, z)[0]
        return level.loss.generator(level.D.forward(s.D, part.labels["coarse"] + x)[0])[0]

    new, log = level.step_G(s, part, level.generate(s, z), rng)
    assert log["loss_G"] == pytest.approx(loss(s.G), rel=1e-12)
    g, h = new.G_memory.m / (1 - recipe.settings.adam_G.b1), 1e-6
    for _ in range(4):
        way = rng.normal(size=g.shape)
        assert (loss(s.G + h * way) - loss(s.G - h * way)) / (2 * h) == pytest.approx(g @ way, rel=1e-5)


def test_samples_are_put_together_from_coarse_to_fine(rng):
    recipe, state = made(rng)
    assert isinstance(recipe, Generative) and isinstance(recipe, SamplesInSteps)
    z = recipe.latents(3, rng)
    assert z.shape == (3, 3 + 7 * 8 + 13 * 16)
    images = recipe.images(state, z)
    assert [x.shape[1:] for x in images] == [(4, 4, 2), (7, 8, 2), SHAPE]
    residuals = [x - enlarged(c, *x.shape[1:3]) for c, x in pairwise(images)]
    assert np.allclose(collapse([*residuals[::-1], images[0]]), images[-1], atol=1e-6)
    assert np.array_equal(recipe.sample(state, z), np.clip(images[-1], -1, 1))
    canvases = recipe.canvases(state, z)
    assert canvases.shape == (3, 3, *SHAPE) and np.array_equal(canvases[:, -1], recipe.sample(state, z))
    other = z.copy()
    other[:, -1] += 1  # the last number of the finest noise
    assert np.array_equal(recipe.images(state, other)[1], images[1])
    assert not np.array_equal(recipe.images(state, other)[2], images[2])


def test_a_class_reaches_every_level(rng):
    recipe, state = made(rng, kinds=3, classes=True)
    a, b = (recipe.of_class(k, 2, np.random.default_rng(0)) for k in (0, 2))
    assert np.array_equal(a[:, 3:], b[:, 3:]) and a[0, :3].tolist() == [1, 0, 0]
    mixed = np.concatenate([b[:, :3], a[:, 3:]], axis=1)
    for x, y in zip(recipe.images(state, a), recipe.images(state, mixed), strict=True):
        assert not np.array_equal(x, y)
    with pytest.raises(UsageError, match="there is no class 3: they are 0 to 2"):
        recipe.of_class(3, 1, rng)
    with pytest.raises(UsageError, match="is not class-conditional: train one with --set classes=true"):
        made(rng)[0].of_class(0, 1, rng)


def test_the_command_trains_resumes_and_shows_the_pyramid(tmp_path):
    small = ["--batch", "4", "--set", "width=2", "--set", "latent=3", "--set", "classes=true"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "lapgan", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert main(["train", "lapgan", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "2", "--sequence", "--label", "3"]) == 0


def test_sizes_are_halved_upwards_and_what_is_too_small_is_one_line(rng):
    assert sizes((28, 28, 1), 2) == [(28, 28, 1), (14, 14, 1), (7, 7, 1)]
    with pytest.raises(UsageError, match="3 levels would halve 24x28x1 to 3x4x1, below 4 pixels: set levels lower"):
        sizes((24, 28, 1), 3)
    with pytest.raises(UsageError, match="lapgan needs images: got samples of 2"):
        LAPGAN(Settings(), Sample((2,)))
    with pytest.raises(UsageError, match="two classes"):
        LAPGAN(Settings(classes=True), Sample(SHAPE))
    x, _ = open_data("strokes").batch(np.arange(2))
    assert np.abs(collapse(build(x, 2)) - x).max() <= 1e-6


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"dropout": 1.0}, {"latent": 0}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
