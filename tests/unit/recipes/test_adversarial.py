"""The game of two nets: the gradient of D's whole objective in every system, what a batch holds, smoothed targets."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.recipes import RECIPES
from tinygan.recipes.shared import adversarial

K, N = 3, 4
SMALL = {
    "dcgan": {"latent": 4, "width": 2},
    "cgan": {"latent": 4, "width": 2},
    "acgan": {"latent": 4, "width": 2, "auxiliary": 0.7, "label_smoothing": 0.1},
    "ssgan": {"latent": 4, "width_G": 2, "width_D": 3, "beta": 0.6},
    "pcgan": {"latent": 4, "width_G": 2, "width_D": 3},
}
SHAPES = {name: (28, 28, 1) if "width_G" in small else (8, 8, 3) for name, small in SMALL.items()}
WEIGHTS = {"class_real": "auxiliary", "class_fake": "auxiliary", "rotation_real": "beta", "penalty": "gamma"}


def of(name, **options):
    """A system."""
    return RECIPES[name].make(RECIPES[name].settings(**SMALL[name], **options), Sample(SHAPES[name], K))


def batch_of(recipe, rng, n=N, dtype=np.float64):
    """n random images with labels."""
    return Batch(rng.uniform(-1, 1, (n, *recipe.shape)).astype(dtype), {"class": rng.integers(K, size=n)})


def exact(recipe, rng):
    """A first state in float64, from weights of which none is zero."""
    state = recipe.init(rng)
    nets = [a.astype(np.float64) for a in state[:4]]
    nets[:2] = [a + 0.1 * rng.normal(size=a.shape) for a in nets[:2]]
    s = recipe.settings
    return type(state)(*nets, nets[0], s.adam_G.init(nets[0]), s.adam_D.init(nets[1]))


def slope(f, way, h=1e-6):
    """The derivative of f at 0 along ``way``, by central differences."""
    return (f(h * way) - f(-h * way)) / (2 * h)


@pytest.mark.parametrize("penalty", ["none", "r1", "r2", "wgan-gp", "dragan"])
@pytest.mark.parametrize("name", SMALL)
def test_the_gradient_of_D_is_that_of_all_it_minimises(name, penalty):
    rng = np.random.default_rng(1)
    recipe = of(name, penalty=penalty, gamma=3.0)
    state, batch = exact(recipe, rng), batch_of(recipe, rng)
    z = np.concatenate([recipe.condition(batch), recipe.noise(N, rng)], axis=1)

    def step(theta):
        at = state._replace(D=theta)
        return recipe.step_D(at, batch, recipe.generate(at, z), np.random.default_rng(2))

    def objective(theta):
        log = step(theta)[1]
        terms = sum(getattr(recipe.settings, by) * log[term] for term, by in WEIGHTS.items() if term in log)
        return log["loss_D"] + terms

    g = step(state.D)[0].D_memory.m / (1 - recipe.settings.adam_D.b1)
    way = rng.normal(size=g.shape)
    way /= np.linalg.norm(way)
    assert g @ way == pytest.approx(slope(lambda move: objective(state.D + move), way), rel=1e-6)


@pytest.mark.parametrize("penalty", ["r1", "wgan-gp", "dragan"])
@pytest.mark.parametrize("name", ["cgan", "pcgan"])
def test_a_penalty_is_on_the_slope_by_the_image_and_not_by_the_condition(name, penalty, monkeypatch):
    rng = np.random.default_rng(1)
    recipe = of(name, penalty=penalty)
    state, batch = exact(recipe, rng), batch_of(recipe, rng)
    z = np.concatenate([recipe.condition(batch), recipe.noise(N, rng)], axis=1)
    made = recipe.generate(state, z)
    met = []
    inner = adversarial.gradient_penalty

    def watched(D, theta, x, objective, **options):
        def caught(g):
            value, v = objective(g)
            met.append((g, v, value))
            return value, v

        return inner(D, theta, x, caught, **options)

    monkeypatch.setattr(adversarial, "gradient_penalty", watched)
    recipe.step_D(state, batch, made, np.random.default_rng(2))
    ((g, v, value),) = met
    size = np.prod(recipe.shape)
    assert np.abs(g[:, size:]).min() > 0, "D does depend on the condition"
    assert not v[:, size:].any()
    norm = np.sqrt((g[:, :size] ** 2).sum(axis=1))
    wanted = (norm**2).mean() / 2 if penalty == "r1" else ((norm - 1) ** 2).mean()
    assert value == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 4, 10])
@pytest.mark.parametrize("name", SMALL)
def test_a_batch_that_does_not_come_out_even_is_one_line(name, n, rng):
    recipe = of(name, n_critic=3)
    with pytest.raises(UsageError, match=f"n_critic = 3 batches of one size: got {n} images") as refused:
        recipe.step(recipe.init(rng), batch_of(recipe, rng, n), rng)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
def test_smoothed_targets_are_those_of_the_formula(loss, rng):
    s = 0.2
    recipe = of("cgan", loss=loss, smoothing=s)
    real, fake = rng.normal(size=(2, N, 1))

    def value(real):
        return recipe.objective_D({"real": real, "fake": fake}, Batch(real, {}))

    log, g = value(real)
    p, q = (1 / (1 + np.exp(-d)) for d in (real, fake))
    wanted = (-s * np.log(1 - p) - (1 - s) * np.log(p)).mean() - np.log(1 - q).mean()
    assert log["loss_D"] == pytest.approx(wanted, rel=1e-12)
    way = rng.normal(size=real.shape)
    assert (g["real"] * way).sum() == pytest.approx(slope(lambda move: value(real + move)[0]["loss_D"], way), rel=1e-6)


@pytest.mark.parametrize("loss", ["least-squares", "hinge", "wasserstein"])
def test_smoothing_is_of_logistic_losses_only(loss):
    with pytest.raises(UsageError, match=f"smoothing needs a logistic loss.* it is {loss}"):
        of("cgan", loss=loss, smoothing=0.1)


@pytest.mark.parametrize("name", SMALL)
def test_points_are_refused_in_one_line(name):
    entry = RECIPES[name]
    with pytest.raises(UsageError, match=r"\(2,\)") as refused:
        entry.make(entry.settings(**SMALL[name]), Sample((2,), 8))
    assert "\n" not in str(refused.value)
