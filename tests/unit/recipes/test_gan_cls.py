"""GAN-CLS: captions that can be verified, pairs that are wrong for certain, exact gradients, images by text."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.data.captions import Captions, brightness
from tinygan.errors import UsageError
from tinygan.recipes.systems.gan_cls import GANCLS, Settings, mismatched
from tinygan.training.checkpoint import flatten

NAMES = ("bag", "ankle boot", "T-shirt")
CAPTIONS = Captions(NAMES, 0.55, 0.7)
SHAPE = (8, 8, 1)


def greys(*levels):
    """Images (n, 8, 8, 1), black but for a square of each grey of [0, 1]."""
    x = np.full((len(levels), *SHAPE), -1.0, np.float32)
    x[:, 2:5, 2:5] = 2 * np.array(levels, np.float32)[:, None, None, None] - 1
    return x


# ---------------------------------------------------------------- captions


def test_brightness_is_of_what_is_lit_and_not_of_the_ground():
    assert brightness(greys(0.3, 0.8, 0.0)) == pytest.approx([0.3, 0.8, 0], abs=1e-6)
    colours = np.broadcast_to(np.array([0.2, 0.4, 0.9], np.float32) * 2 - 1, (1, 4, 4, 3))
    assert brightness(colours) == pytest.approx([0.5], abs=1e-6)


def test_a_caption_says_brightness_and_class():
    assert CAPTIONS.vocabulary == ("dark", "middle", "bright", "bag", "ankle", "boot", "t-shirt")
    bags = CAPTIONS.of(greys(0.3, 0.6, 0.9), np.array([1, 0, 2]))
    assert bags.dtype == np.float32
    for bag, text in zip(bags, ("dark ankle boot", "middle bag", "T-SHIRT bright"), strict=True):
        assert np.array_equal(bag, CAPTIONS.read(text))
    assert np.array_equal(CAPTIONS.word(greys(0.3, 0.6, 0.9)), [0, 1, 2])


@pytest.mark.parametrize(
    ("text", "words"),
    [("dark bog", r"unknown word 'bog' \(did you mean bag\?\); .* dark, middle"), (" ", "no words; expected words of")],
)
def test_a_text_of_other_words_is_refused(text, words):
    with pytest.raises(UsageError, match=words):
        CAPTIONS.read(text)


def test_a_long_vocabulary_is_told_shortly():
    with pytest.raises(UsageError, match="and 1083 more"):
        Captions(tuple(f"kind{i}" for i in range(1100)), 0.5, 0.6).read("x")


def test_data_without_names_are_refused():
    with pytest.raises(UsageError, match="captions need class names"):
        GANCLS(Settings(), Sample(SHAPE, 3))


# ---------------------------------------------------------------- pairs


@pytest.mark.parametrize("repeats", [1, 5])
def test_a_wrong_pair_never_has_the_right_caption(repeats, rng):
    t = np.repeat(CAPTIONS.compose(rng.integers(3, size=9), rng.integers(3, size=9)), repeats, axis=0)
    t[0, 0] += 1  # so that there are two
    partner = mismatched(t)
    assert (t[partner] != t).any(axis=1).all()
    assert np.array_equal(mismatched(np.array([[0.0], [1.0], [1.0], [0.0]])), [1, 3, 3, 1])


def recipe_of(**settings):
    return GANCLS(Settings(**{"latent": 3, "width": 2, **settings}), Sample(SHAPE, len(NAMES), NAMES))


def batch_of(rng, n=6):
    return Batch(greys(*rng.uniform(0.2, 1, n)), {"class": rng.integers(3, size=n)})


def test_D_sees_real_images_with_their_own_captions_and_with_others(rng):
    recipe, batch = recipe_of(), batch_of(rng)
    t = recipe.texts(batch)
    groups = recipe.d_inputs(batch, recipe.condition(batch), np.zeros_like(batch.x))
    for name in ("real", "wrong"):
        assert np.array_equal(recipe.d_view_adjoint(groups[name]), batch.x)
        assert np.array_equal((groups[name][:, 64:] == t).all(axis=1), np.full(6, name == "real"))
    assert np.array_equal(groups["fake"][:, 64:], t)
    assert "wrong" not in recipe_of(wrong=0.0).d_inputs(batch, t, batch.x)


def test_where_all_have_one_caption_no_pair_is_wrong(rng):
    recipe = recipe_of()
    batch = Batch(greys(*[0.3] * 4), {"class": np.full(4, 1)})
    assert set(recipe.d_inputs(batch, recipe.condition(batch), batch.x)) == {"real", "fake"}
    state, log = recipe.step(recipe.init(rng), batch, rng)
    assert "right-wrong" not in log and all(np.isfinite(a).all() for a in flatten(state).values())


def test_half_of_the_texts_are_means_of_two(rng):
    batch = batch_of(rng)
    t, between = recipe_of().texts(batch), recipe_of(interpolate=True).condition(batch)
    assert np.array_equal(between[3:], t[3:])
    assert np.array_equal(between[:3], (t[:3] + t[[5, 0, 1]]) / 2)
    assert np.array_equal(recipe_of().condition(batch), t)


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize(
    "options", [{}, {"wrong": 0.0}, {"interpolate": True}, {"n_critic": 2}, {"penalty": "r1"}], ids=str
)
def test_two_steps_are_finite_and_write_to_no_input(options, rng):
    recipe = recipe_of(**options)
    state = recipe.init(rng)
    for _ in range(2):
        before = {name: a.copy() for name, a in flatten(state).items()}
        new, log = recipe.step(state, batch_of(rng, 6 * recipe.batches), rng)
        assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
        assert all(np.isfinite(a).all() for a in flatten(new).values())
        assert all(np.isfinite(value) for value in log.values())
        assert ("right-wrong" in log) == (recipe.settings.wrong > 0)
        assert not np.array_equal(new.G, state.G) and not np.array_equal(new.D, state.D)
        state = new


@pytest.mark.parametrize("net", ["D", "G"])
@pytest.mark.parametrize(
    "options", [{"smoothing": 0.1}, {"interpolate": True, "wrong": 0.3}, {"loss": "minimax"}], ids=str
)
def test_the_gradient_of_an_objective_is_that_of_differences(options, net):
    rng = np.random.default_rng(3)
    recipe, batch = recipe_of(**options), batch_of(rng, 8)
    state = recipe.init(rng)
    fields = {name: getattr(state, name).astype(np.float64) for name in ("G", "D", "G_running", "D_running")}
    fields |= {name: fields[name] + 0.3 * rng.normal(size=fields[name].shape) for name in ("G", "D")}  # away from zeros
    adam = recipe.settings.adam_D
    memory = {f"{name}_memory": adam.init(fields[name]) for name in ("G", "D")}
    state = state._replace(**fields, **memory, G_ema=fields["G"])
    batch = batch._replace(x=batch.x.astype(np.float64))
    z = np.concatenate([recipe.condition(batch), recipe.noise(8, rng)], axis=1).astype(np.float64)

    def step(theta):
        at = state._replace(**{net: theta})
        made = recipe.generate(at, z)
        return (recipe.step_D if net == "D" else recipe.step_G)(at, batch, made, np.random.default_rng(1))

    theta = fields[net]
    g = getattr(step(theta)[0], f"{net}_memory").m / (1 - adam.b1)  # m = (1 − b₁) g
    for _ in range(3):
        way = rng.normal(size=theta.shape)
        up, down = (step(theta + h * way)[1][f"loss_{net}"] for h in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx(g @ way, rel=1e-6, abs=1e-6 * np.linalg.norm(g))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"loss": "hinge"}, "gan-cls needs a logistic loss: set loss to minimax or non-saturating; it is hinge"),
        ({"wrong": 1.0}, "wrong is 1.0; expected a number, at least 0 and below 1"),
        ({"dark": 0.8}, "dark is 0.8 and bright is 0.7; expected 0 < dark < bright < 1"),
    ],
    ids=str,
)
def test_settings_that_do_not_apply_are_refused(wrong, words):
    with pytest.raises(UsageError, match=words):
        Settings(**wrong)
