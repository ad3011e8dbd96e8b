"""The f-GAN recipe: what each player's step does to the bound, whose game the rows are, which settings are refused."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.objectives.divergences import ROWS
from tinygan.objectives.losses import LOSSES
from tinygan.optim import Adam
from tinygan.recipes.systems.fgan import FGAN, Settings
from tinygan.reproduce.papers.line import GaussianMixture, X, integral, log_normal
from tinygan.training.checkpoint import flatten, restore

NAMES = [*ROWS, "alpha", "weighted-jensen-shannon"]
SMALL = {"latent": 3, "width": 4, "adam_G": Adam(lr=1e-4), "adam_D": Adam(lr=1e-4)}
POINT, N = Sample((2,)), 64


def system(rng, **options):
    recipe = FGAN(Settings(**SMALL, **options), POINT)
    return recipe, recipe.init(rng), Batch(rng.normal(1, 0.5, (N, 2)).astype(np.float32), {})


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_D_moves_the_bound_up_and_one_of_G_that_saturates_moves_it_down(name, rng):
    recipe, state, batch = system(rng, divergence=name, saturating=True)
    z = recipe.latents(N, rng)

    def bound(state):
        return recipe.step_D(state, batch, recipe.generate(state, z), rng)[1]["bound"]

    made = recipe.generate(state, z)
    first = bound(state)
    state = recipe.step_D(state, batch, made, rng)[0]
    assert bound(state) > first
    assert bound(recipe.step_G(state, batch, made, rng)[0]) < bound(state)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_G_that_does_not_saturate_moves_its_samples_to_where_D_says_data(name, rng):
    recipe, state, batch = system(rng, divergence=name)
    made = recipe.generate(state, recipe.latents(N, rng))
    after, log = recipe.step_G(state, batch, made, rng)
    assert recipe.step_G(after, batch, recipe.generate(after, made.z), rng)[1]["loss_G"] < log["loss_G"]


def test_a_line_of_statistics_has_the_bound_and_what_both_minimise(rng):
    recipe, state, batch = system(rng, divergence="kl", penalty="r1")
    log = recipe.step(state, batch, rng)[1]
    assert log["bound"] == -log["loss_D"]
    assert {"bound", "loss_D", "loss_G", "D_real", "D_fake", "penalty", "grad_D", "grad_G"} == log.keys()


@pytest.mark.parametrize(("saturating", "loss"), [(True, "minimax"), (False, "non-saturating")])
def test_the_row_gan_is_the_game_of_2014(saturating, loss, rng):
    recipe, _, batch = system(rng, divergence="gan", saturating=saturating)
    real, fake = rng.normal(0, 3, (2, N, 1))
    log, g = recipe.objective_D({"real": real, "fake": fake}, batch)
    value, g_real, g_fake = LOSSES[loss].discriminator(real, fake)
    assert log["loss_D"] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(g["real"], g_real, rtol=1e-12)
    np.testing.assert_allclose(g["fake"], g_fake, rtol=1e-12)
    log, g = recipe.objective_G({"fake": fake}, batch, 0)
    value, g_fake = LOSSES[loss].generator(fake)
    assert log["loss_G"] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(g["fake"], g_fake, rtol=1e-12)


def test_where_G_cannot_make_the_data_kl_without_saturation_descends_the_reverse():
    """∇_θ E_Q g_f(V), V = 1 + log p/q held, is −∇_θ KL(Q_θ‖P)."""
    log_p, at, h = GaussianMixture((0.3, 0.7), (-1.5, 1.0), (0.5, 0.75)).log(X), np.array([0.4, 1.5]), 1e-5
    V = 1 + log_p - log_normal(X, *at)
    for way in np.eye(2):
        up, down = (log_normal(X, *(at + t * way)) for t in (h, -h))
        reverse = [integral(np.exp(q) * (q - log_p)) for q in (up, down)]
        gain = integral((np.exp(up) - np.exp(down)) * ROWS["kl"].g(V)[0])
        assert gain == pytest.approx(reverse[1] - reverse[0], rel=1e-6)
        forward = [integral(np.exp(log_p) * (log_p - q)) for q in (up, down)]
        assert gain != pytest.approx(forward[1] - forward[0], rel=0.05)


def test_a_state_that_was_saved_goes_on_bit_for_bit(rng):
    recipe, state, batch = system(rng, divergence="pearson")
    state = recipe.step(state, batch, np.random.default_rng(1))[0]
    again = restore(recipe.init(rng), flatten(state))
    (a, log_a), (b, log_b) = (recipe.step(s, batch, np.random.default_rng(2)) for s in (state, again))
    assert log_a == log_b
    assert all(np.array_equal(x, flatten(b)[name]) for name, x in flatten(a).items())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"loss": "hinge"}, "set divergence and saturating, not loss"),
        ({"smoothing": 0.1}, "set divergence and saturating, not loss or smoothing"),
        ({"divergence": "alpha", "alpha": 1.0}, "alpha must be finite"),
        ({"divergence": "weighted-jensen-shannon", "pi": 1.0}, "pi must be a probability"),
    ],
    ids=str,
)
def test_settings_of_another_game_and_out_of_range_are_one_line(wrong, words):
    with pytest.raises(UsageError, match=words) as refused:
        Settings(**wrong)
    assert "\n" not in str(refused.value)
