"""Generative latent optimisation: its table, the ball, its loss, its samples, purity."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample
from tinygan.data.enumerated import Enumerated
from tinygan.errors import UsageError
from tinygan.images.pyramid import build, laplacian_l1
from tinygan.optim import Adam
from tinygan.recipes import Generative, LatentTable
from tinygan.recipes.systems.glo import GLO, Settings, ball, gaussian
from tinygan.training.checkpoint import flatten

from ..states import exact

SHAPE, N = (12, 8, 1), 20
SMALL = {"images": N, "latent": 3, "width": 4}


class Pictures:
    """N images that lie near a plane of three dimensions."""

    name, shape, classes, size = "pictures", SHAPE, ("all",), N

    def __init__(self, rng, noise=0.01):
        axes = rng.normal(size=(3, np.prod(SHAPE)))
        flat = rng.normal(size=(N, 3)) @ axes / 4 + noise * rng.normal(size=(N, np.prod(SHAPE)))
        self.x = np.tanh(flat).reshape(N, *SHAPE).astype(np.float32)

    def batch(self, index):
        return self.x[index], {"class": np.zeros(len(index), np.int64)}


@pytest.fixture
def data(rng):
    return Enumerated(Pictures(rng), N)


def batch_of(data, index):
    return Batch(*data.batch(np.asarray(index)))


def test_lap1_is_its_definition_and_its_gradient_that_of_differences(rng):
    y, x, way = rng.normal(size=(3, 4, 14, 9, 2))
    value, g = laplacian_l1(y, x, 2)
    bands = zip(build(y, 2), build(x, 2), strict=True)
    assert value == pytest.approx(sum(4**j * np.abs(a - b).sum() for j, (a, b) in enumerate(bands)) / y.size, rel=1e-12)
    h = 1e-7
    up, down = (laplacian_l1(y + t * way, x, 2)[0] for t in (h, -h))
    assert (up - down) / (2 * h) == pytest.approx((g * way).sum(), rel=1e-6)
    assert laplacian_l1(x, x, 2)[0] == 0


def test_the_table_begins_with_the_principal_components_scaled_into_the_ball(data, rng):
    recipe = GLO(Settings(**SMALL), Sample(SHAPE))
    state = recipe.begin(recipe.init(rng), data)
    flat = data.batch(np.arange(N))[0].reshape(N, -1).astype(np.float64)
    u, s, _ = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    codes = u[:, :3] * s[:3]
    codes /= np.linalg.norm(codes, axis=1).max()
    assert state.Z.dtype == np.float32
    np.testing.assert_allclose(np.abs(state.Z), np.abs(codes), atol=1e-5)


def test_more_images_than_components_are_taken_of_are_projected_alike(data, rng, monkeypatch):
    monkeypatch.setattr("tinygan.recipes.systems.glo.MOST", 8)
    recipe = GLO(Settings(**SMALL), Sample(SHAPE))
    Z = recipe.begin(recipe.init(rng), data).Z
    assert Z.shape == (N, 3) and np.linalg.norm(Z, axis=1).max() == pytest.approx(1)


@pytest.mark.parametrize("loss", ["lap1", "l2"])
def test_gradients_of_weights_and_latents_are_those_of_differences(data, rng, loss):
    """Read off a step: of Adam's first moment for θ, of the table for z."""
    recipe = GLO(Settings(**SMALL, loss=loss, norm_G="none", lr_z=1e-3, adam_G=Adam(b1=0)), Sample(SHAPE))
    state = exact(recipe.init(rng))
    state = state._replace(Z=state.Z / 2, G=10 * state.G)  # inside the ball
    index = np.array([3, 0, 7])
    x = data.batch(index)[0].astype(np.float64)
    new, _ = recipe.step(state, Batch(x, {"index": index}), rng)

    def value(theta, z):
        return recipe.loss(recipe.G.forward(theta, z)[0], x)[0]

    h, z, g_z = 1e-6, state.Z[index], (state.Z - new.Z)[index] / 1e-3
    for _ in range(3):
        way, way_z = rng.normal(size=state.G.shape), rng.normal(size=z.shape)
        slope = (value(state.G + h * way, z) - value(state.G - h * way, z)) / (2 * h)
        assert slope == pytest.approx(new.G_memory.m @ way, rel=1e-5)
        slope = (value(state.G, z + h * way_z) - value(state.G, z - h * way_z)) / (2 * h)
        assert slope == pytest.approx((g_z * way_z).sum(), rel=1e-5)


def test_a_step_moves_the_rows_of_its_batch_only_and_keeps_them_in_the_ball(data, rng):
    recipe = GLO(Settings(**SMALL, lr_z=1e5), Sample(SHAPE))
    state = recipe.init(rng)
    new, log = recipe.step(state, batch_of(data, [2, 5, 11]), rng)
    moved = (new.Z != state.Z).any(axis=1)
    assert np.flatnonzero(moved).tolist() == [2, 5, 11]
    assert np.linalg.norm(new.Z, axis=1).max() <= 1 + 1e-6
    assert log["length"] == pytest.approx(1)


def test_an_image_twice_in_a_batch_moves_by_both(data, rng):
    recipe = GLO(Settings(**SMALL, norm_G="none", lr_z=0.1), Sample(SHAPE))
    state = recipe.init(rng)
    state = state._replace(Z=state.Z / 2)
    once, _ = recipe.step(state, batch_of(data, [4]), rng)
    twice, _ = recipe.step(state, batch_of(data, [4, 4]), rng)
    np.testing.assert_allclose(twice.Z, once.Z, atol=1e-6)  # the mean of two alike


def test_the_ball():
    z = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(ball(z), [[0.6, 0.8], [0.3, 0.4], [0, 0]])


def test_latents_of_the_table_give_its_images_and_random_ones_have_its_covariance(data, rng):
    recipe = GLO(Settings(**SMALL), Sample(SHAPE))
    state = recipe.begin(recipe.init(rng), data)
    index = np.array([0, 7, N - 1])
    eps = recipe.of_index(state, index)
    np.testing.assert_allclose(recipe.sample(state, eps), recipe.decode(state, state.Z[index]), atol=1e-5)
    mean, factor = gaussian(state.Z)
    np.testing.assert_allclose(factor @ factor.T, np.cov(state.Z, rowvar=False), atol=1e-4)
    np.testing.assert_allclose(mean, state.Z.mean(axis=0), atol=1e-6)
    with pytest.raises(UsageError, match="images 0 to 19: got 0, 20"):
        recipe.of_index(state, np.array([0, 20]))


def test_a_table_on_a_line_has_latents_too(data, rng):
    recipe = GLO(Settings(**SMALL), Sample(SHAPE))
    first = recipe.init(rng)
    Z = np.zeros_like(first.Z)
    Z[:, 0] = np.linspace(-1, 1, N)
    for state in (first._replace(Z=Z), first._replace(Z=0 * Z)):
        index = np.arange(4)
        eps = recipe.of_index(state, index)
        np.testing.assert_allclose(recipe.sample(state, eps), recipe.decode(state, state.Z[index]), atol=1e-5)


def test_training_makes_the_images_from_their_latents(data, rng):
    adam = Adam(lr=1e-2, b1=0.9)
    recipe = GLO(Settings(images=N, latent=3, width=8, lr_z=1.0, adam_G=adam), Sample(SHAPE))
    state, errors = recipe.begin(recipe.init(rng), data), []
    for _ in range(300):
        state, log = recipe.step(state, batch_of(data, rng.permutation(N)[:10]), rng)
        errors.append(log["L1"])
    x = data.batch(np.arange(N))[0]
    spread = np.abs(x - x.mean(axis=0)).mean() / 2
    assert np.mean(errors[-20:]) < 0.25 * spread
    assert np.abs(recipe.decode(state, state.Z) - x).mean() / 2 < 0.25 * spread


def test_a_step_writes_to_no_input_and_samples_are_images(data, rng):
    recipe = GLO(Settings(**SMALL), Sample(SHAPE))
    state, batch = recipe.begin(recipe.init(rng), data), batch_of(data, np.arange(6))
    before, x = {name: a.copy() for name, a in flatten(state).items()}, batch.x.copy()
    new, log = recipe.step(state, batch, rng)
    assert np.array_equal(batch.x, x) and all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert {"loss", "L1", "length", "grad_G"} == log.keys() and np.isfinite(list(log.values())).all()
    images = recipe.sample(new, recipe.latents(3, rng))
    assert isinstance(recipe, Generative) and isinstance(recipe, LatentTable)
    assert images.shape == (3, *SHAPE) and images.dtype == np.float32 and np.abs(images).max() <= 1


def test_the_command_trains_and_resumes_it_bit_for_bit(tmp_path, capsys):
    small = ["--batch", "4", "--set", "latent=4", "--set", "width=4", "--set", "images=10"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "glo", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert "loss" in capsys.readouterr().err
    assert main(["train", "glo", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "3"]) == 0


def test_the_first_images_of_endless_data_are_a_set_too(tmp_path):
    small = ["--batch", "8", "--set", "width=4", "--set", "images=9", "--set", "latent=2"]
    assert main(["train", "glo", *small, "--steps", "1", "--out", str(tmp_path / "a")]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "images=5", "--set", "latent=2", "--batch", "8"], "a step takes 8 images and strokes has 5"),
        (["--set", "images=20", "--set", "latent=21"], "latent is at most the 20 principal components"),
        (["--data", "ring"], "convolutions need images"),
    ],
)
def test_what_does_not_fit_is_one_line_before_there_is_a_run(tmp_path, capsys, options, words):
    assert main(["train", "glo", *options, "--steps", "1", "--out", str(tmp_path / "a")]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "a").exists()


def test_a_set_with_fewer_images_is_said(rng):
    with pytest.raises(UsageError, match="21 images are needed and pictures has 20; add --set images=20"):
        Enumerated(Pictures(rng), 21)


@pytest.mark.parametrize("wrong", [{"images": 1}, {"latent": 0}, {"width": 0}, {"lr_z": -1.0}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
