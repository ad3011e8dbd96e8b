"""The systems that are told a class: cGAN, AC-GAN and the projection cGAN."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.recipes import RECIPES, SamplesByClass
from tinygan.recipes.systems.acgan import Settings as AuxiliarySettings
from tinygan.training.checkpoint import flatten

from .test_adversarial import SHAPES, SMALL, K, batch_of, exact, of

NAMES = ("cgan", "acgan", "pcgan")
N = 4


def seen_by_D(recipe, state, batch, rng):
    """The gradient that a step of D takes, and its images and conditions by group."""
    z = np.concatenate([recipe.condition(batch), recipe.noise(len(batch.x), np.random.default_rng(3))], axis=1)
    made = recipe.generate(state, z)
    new, _ = recipe.step_D(state, batch, made, rng)
    return new.D_memory.m, recipe.d_inputs(batch, z[:, :K], made.x)


@pytest.mark.parametrize("name", NAMES)
def test_samples_can_be_asked_for_by_class(name, rng):
    recipe = of(name)
    assert isinstance(recipe, SamplesByClass)
    for label in range(K):
        rows = recipe.of_class(label, 5, rng)
        assert rows.shape == (5, K + 4) and rows.dtype == np.float32
        assert np.array_equal(rows[:, :K], np.eye(K)[[label] * 5])
        assert len(np.unique(rows[:, K:])) == 20, "fresh noise in each row"
    images = recipe.sample(recipe.init(rng), rows)
    assert images.shape == (5, *SHAPES[name]) and images.dtype == np.float32 and np.abs(images).max() <= 1


@pytest.mark.parametrize("label", [-1, K, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_is_not_there_is_refused(name, label, rng):
    with pytest.raises(UsageError, match=f"there is no class {label}: they are 0 to {K - 1}") as refused:
        of(name).of_class(label, 2, rng)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_latents_are_of_every_class(name, rng):
    rows = of(name).latents(200, rng)
    assert rows.shape == (200, K + 4)
    counts = rows[:, :K].sum(axis=0)
    assert counts.sum() == 200 and counts.min() >= 40  # 67 each, with a deviation of 6.7
    assert set(np.unique(rows[:, :K])) == {0, 1}


@pytest.mark.parametrize("classes", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_data_of_one_class_is_refused(name, classes):
    entry = RECIPES[name]
    with pytest.raises(UsageError, match=f"{name} needs data of at least two classes: this has {classes}") as refused:
        entry.make(entry.settings(**SMALL[name]), Sample(SHAPES[name], classes))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["cgan", "pcgan"])
def test_D_sees_real_and_generated_images_with_the_classes_of_the_batch(name, rng):
    recipe = of(name)
    state, batch = exact(recipe, rng), batch_of(recipe, rng)
    batch = batch._replace(labels={"class": np.array([2, 0, 1, 1])})
    g, groups = seen_by_D(recipe, state, batch, rng)
    for x in groups.values():
        assert np.array_equal(x[:, -K:], np.eye(K)[[2, 0, 1, 1]])
    assert np.array_equal(groups["real"][:, :-K].reshape(batch.x.shape), batch.x)
    other, _ = seen_by_D(recipe, state, Batch(batch.x, {"class": np.array([2, 0, 1, 0])}), rng)
    assert np.abs(other - g).max() >= 1e-3 * np.abs(g).max()


def test_D_of_acgan_does_not_see_the_class_but_tells_it(rng):
    recipe = of("acgan")
    state, batch = exact(recipe, rng), batch_of(recipe, rng)
    assert recipe.D.out_shape(recipe.shape) == (1 + K,)
    _, groups = seen_by_D(recipe, state, batch, rng)
    assert all(x.shape == batch.x.shape for x in groups.values())
    y = {name: recipe.D.forward(state.D, x)[0] for name, x in groups.items()}
    log, g = recipe.objective_D(y, batch)
    other_log, other = recipe.objective_D(y, Batch(batch.x, {"class": (batch.labels["class"] + 1) % K}))
    assert log["loss_D"] == other_log["loss_D"]
    for name in ("real", "fake"):
        assert np.array_equal(g[name][:, :1], other[name][:, :1]), "the game does not depend on classes"
        assert (g[name][:, 1:] != other[name][:, 1:]).any()


def test_without_its_weight_the_head_of_classes_learns_nothing(rng):
    entry = RECIPES["acgan"]
    recipe = entry.make(entry.settings(**SMALL["acgan"] | {"auxiliary": 0.0}), Sample(SHAPES["acgan"], K))
    state, batch = exact(recipe, rng), batch_of(recipe, rng)
    new, _ = recipe.step(state, batch, rng)
    *_, w, b = recipe.D.view(new.D_memory.m).values()
    assert w[:1].any() and b[:1].any()
    assert not w[1:].any() and not b[1:].any()


def test_G_of_acgan_minimises_the_loss_of_the_class_asked_for(rng):
    """The cotangent of G's step is the slope of game + w · cross-entropy of the label."""
    recipe = of("acgan")
    batch, y, way = batch_of(recipe, rng), rng.normal(size=(N, 1 + K)), rng.normal(size=(N, 1 + K))
    s, label = recipe.settings, batch.labels["class"]

    def value(y):
        log_p = y[:, 1:] - np.log(np.exp(y[:, 1:]).sum(axis=1, keepdims=True))
        q = (1 - s.label_smoothing) * np.eye(K)[label] + s.label_smoothing / K
        return np.log1p(np.exp(-y[:, 0])).mean() - s.auxiliary * (q * log_p).sum() / N

    _, g = recipe.objective_G({"fake": y}, batch, 0)
    h = 1e-6
    slope = (value(y + h * way) - value(y - h * way)) / (2 * h)
    assert (g["fake"] * way).sum() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_class_reaches_the_image(name, rng):
    recipe = of(name)
    state = exact(recipe, rng)
    rows = recipe.latents(6, rng).astype(np.float64)
    other = rows.copy()
    other[:, :K] = np.roll(rows[:, :K], 1, axis=1)
    a, b = (recipe.G.eval(state.G_running).forward(state.G, z)[0] for z in (rows, other))
    assert np.abs(a - b).max(axis=(1, 2, 3)).min() >= 1e-6


OPTIONS = [(name, {}) for name in NAMES]
OPTIONS += [(name, {"n_critic": 2, "penalty": "r1"}) for name in NAMES]
OPTIONS += [("pcgan", {"attention": 14}), ("pcgan", {"latent": 6, "hierarchical": True}), ("acgan", {"auxiliary": 0.0})]


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_every_option_trains_a_finite_step_and_writes_to_no_input(name, options, rng):
    entry = RECIPES[name]
    recipe = entry.make(entry.settings(**SMALL[name] | options), Sample(SHAPES[name], K))
    state, batch = recipe.init(rng), batch_of(recipe, rng, N * recipe.batches, np.float32)
    before = {key: a.copy() for key, a in flatten(state).items()}
    new, log = recipe.step(state, batch, rng)
    assert all(np.array_equal(a, before[key]) for key, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[key].dtype for key, a in flatten(new).items())
    assert all(np.isfinite(value) for value in log.values())
    assert not np.array_equal(new.G, state.G) and not np.array_equal(new.D, state.D)
    assert (new.D_memory.t, new.G_memory.t) == (recipe.batches, 1)


@pytest.mark.parametrize("wrong", [{"auxiliary": -1.0}, {"label_smoothing": 1.0}, {"width": 0}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        AuxiliarySettings(**wrong)
