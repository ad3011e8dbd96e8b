"""The variational autoencoder: its bound and the derivatives of it, its pixels, purity."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample
from tinygan.errors import ShapeError, UsageError
from tinygan.objectives.losses import bernoulli, normal_kl
from tinygan.optim import Adam
from tinygan.recipes import Generative
from tinygan.recipes.systems.vae import VAE, Settings
from tinygan.training.checkpoint import flatten

from ..states import exact

SHAPE, N = (4, 6, 1), 5
SMALL = {"latent": 3, "width": 7}


@pytest.fixture
def system(rng):
    """A recipe, a first state and pixels in [0, 1], in float64."""
    recipe = VAE(Settings(**SMALL), Sample(SHAPE))
    return recipe, exact(recipe.init(rng)), rng.random((N, *SHAPE))


def test_kl_is_the_integral(rng):
    mu, log_var = rng.normal(size=(2, N, 3))
    value, _, _ = normal_kl(mu, log_var)
    t = np.linspace(-12, 12, 2401)  # x = μ + σ t
    x = mu[..., None] + np.exp(log_var / 2)[..., None] * t
    log_q = -(t**2) / 2 - log_var[..., None] / 2
    integral = (np.exp(-(t**2) / 2) * (log_q + x**2 / 2)).sum() * (t[1] - t[0]) / np.sqrt(2 * np.pi)
    assert value == pytest.approx(integral / N, rel=1e-12)
    assert normal_kl(np.zeros((2, 3)), np.zeros((2, 3)))[0] == 0


def test_cross_entropy_of_pixels_is_its_definition_and_exact_for_any_logit(rng):
    d, x = 3 * rng.normal(size=(N, 4)), rng.random((N, 4))
    p = 1 / (1 + np.exp(-d))
    assert bernoulli(d, x)[0] == pytest.approx(-(x * np.log(p) + (1 - x) * np.log(1 - p)).sum() / N, rel=1e-12)
    value, g = bernoulli(np.array([[1e4, -1e4, 1e4]]), np.array([[1.0, 0.0, 0.0]]))
    assert value == 1e4 and np.array_equal(g, [[0, 0, 1]])


def test_gradients_are_those_of_differences(system, rng):
    recipe, state, x = system
    eps, h = rng.normal(size=(N, 3)), 1e-6
    bound = recipe.bound(state, x, eps)
    for name, g in (("E", bound.g_E), ("G", bound.g_G)):
        theta = getattr(state, name)
        for _ in range(5):
            way = rng.normal(size=theta.shape)
            up, down = (recipe.bound(state._replace(**{name: theta + t * way}), x, eps).ELBO for t in (h, -h))
            assert (down - up) / (2 * h) == pytest.approx(g @ way, rel=1e-6), name


def test_the_bound_is_below_log_p_and_near_it_where_the_posterior_is_the_prior(rng):
    """Of a decoder that does not look at z, log p(x) = Σ log P(x), which ELBO is but for KL."""
    recipe = VAE(Settings(**SMALL, binarise="threshold"), Sample(SHAPE))
    state = exact(recipe.init(rng))
    state = state._replace(G=np.zeros_like(state.G))
    x = rng.uniform(-1, 1, (N, *SHAPE))
    log_p = -np.log(2) * np.prod(SHAPE)
    assert recipe.elbo(state, x, rng) < log_p
    assert recipe.elbo(state._replace(E=np.zeros_like(state.E)), x, rng) == pytest.approx(log_p, rel=1e-12)


def test_elbo_of_a_step_is_that_of_the_weights_before_it(rng):
    recipe = VAE(Settings(**SMALL), Sample(SHAPE))
    state, x = recipe.init(rng), rng.uniform(-1, 1, (N, *SHAPE)).astype(np.float32)
    _, log = recipe.step(state, Batch(x, {}), np.random.default_rng(3))
    assert recipe.elbo(state, x, np.random.default_rng(3)) == log["ELBO"] == -log["reconstruction"] - log["KL"]


def test_pixels_are_binarised_as_is_asked(rng):
    x = np.repeat(np.array([-1, -0.5, 0.5, 1], np.float32), 4000).reshape(-1, 1, 1, 1)
    drawn, cut, grey = (
        VAE(Settings(binarise=how), Sample((1, 1, 1))).pixels(x, rng).reshape(4, -1)
        for how in ("sampled", "threshold", "none")
    )
    assert set(drawn.ravel()) == {0, 1} and drawn.dtype == np.float32
    assert np.allclose(drawn.mean(axis=1), [0, 0.25, 0.75, 1], atol=0.03) and not drawn[0].any() and drawn[3].all()
    assert np.array_equal(cut[:, 0], [0, 0, 1, 1]) and np.array_equal(grey[:, 0], [0, 0.25, 0.75, 1])


def test_training_raises_the_bound_towards_log_p_of_four_kinds_of_image(rng):
    recipe = VAE(Settings(latent=2, width=16, binarise="threshold", adam=Adam(lr=1e-2)), Sample(SHAPE))
    kinds = np.sign(rng.normal(size=(4, *SHAPE))).astype(np.float32)
    state = recipe.init(rng)
    first = recipe.elbo(state, kinds, rng)
    for _ in range(400):
        state, _ = recipe.step(state, Batch(kinds[rng.integers(4, size=32)], {}), rng)
    last = np.mean([recipe.elbo(state, kinds, rng) for _ in range(50)])
    assert first < -15 and -4 < last < -np.log(4), "the mean of log p(x) over four is at most that"


def test_a_step_writes_to_no_input_and_samples_are_images(rng):
    recipe = VAE(Settings(**SMALL), Sample((8, 8, 3)))
    state, batch = recipe.init(rng), Batch(rng.uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32), {})
    before, x = {name: a.copy() for name, a in flatten(state).items()}, batch.x.copy()
    new, log = recipe.step(state, batch, rng)
    assert np.array_equal(batch.x, x) and all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert {"ELBO", "reconstruction", "KL", "grad_E", "grad_G"} == log.keys() and np.isfinite(list(log.values())).all()
    images = recipe.sample(new, recipe.latents(3, rng))
    assert isinstance(recipe, Generative)
    assert images.shape == (3, 8, 8, 3) and images.dtype == np.float32 and np.abs(images).max() <= 1
    loud = recipe.sample(new._replace(G=100 * new.G), recipe.latents(3, rng))
    assert np.isfinite(loud).all() and np.abs(loud).max() <= 1


def test_the_command_trains_and_resumes_it_bit_for_bit(tmp_path, capsys):
    small = ["--batch", "4", "--set", "latent=4", "--set", "width=8"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "vae", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert "ELBO" in capsys.readouterr().err
    assert main(["train", "vae", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "3"]) == 0


def test_what_is_no_image_of_its_shape_is_one_line(rng):
    with pytest.raises(UsageError, match=r"vae needs images.*points"):
        VAE(Settings(), Sample((2,)))
    recipe = VAE(Settings(**SMALL), Sample(SHAPE))
    with pytest.raises(ShapeError, match="images of 4x6x1: got 6x4x1"):
        recipe.elbo(recipe.init(rng), np.zeros((N, 6, 4, 1), np.float32), rng)


@pytest.mark.parametrize("wrong", [{"latent": 0}, {"width": 0}, {"width": np.nan}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
