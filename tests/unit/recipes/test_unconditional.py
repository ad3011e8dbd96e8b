"""The plain game: nets by choice, packed and replayed samples, the systems that stand on it."""

import numpy as np
import pytest

from tinygan.core.layer import modules
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm, Dropout, GroupNorm, LayerNorm, Maxout, SpectralNorm
from tinygan.recipes import RECIPES
from tinygan.recipes.shared import adversarial
from tinygan.recipes.shared.replay import empty, replayed
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.systems.wgan import WGAN
from tinygan.training.checkpoint import flatten

NAMES = [name for name, entry in RECIPES.items() if issubclass(entry.settings, UnconditionalSettings)]
IMAGE, POINT = Sample((8, 8, 1)), Sample((2,))
SMALL = {"latent": 3, "width": 2}


def batch_of(recipe, rng, n=8):
    return Batch(rng.uniform(-1, 1, (n * recipe.batches, *recipe.shape)).astype(np.float32), {})


def stepped(recipe, rng, steps=2):
    state = recipe.init(rng)
    for _ in range(steps):
        state, log = recipe.step(state, batch_of(recipe, rng), rng)
    return state, log


@pytest.mark.parametrize(
    ("name", "sample"), [(name, x) for name in NAMES for x in (IMAGE, POINT) if (name, x) != ("dcgan", POINT)]
)
def test_every_system_trains_on_images_and_all_but_dcgan_on_points_and_writes_to_no_input(name, sample, rng):
    entry = RECIPES[name]
    recipe = entry.make(entry.settings(**SMALL), sample)
    state = recipe.init(rng)
    before = {name: a.copy() for name, a in flatten(state).items()}
    new, log = recipe.step(state, batch_of(recipe, rng), rng)
    assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() for a in flatten(new).values()) and all(map(np.isfinite, log.values()))
    assert not np.array_equal(new.G, state.G) and not np.array_equal(new.D, state.D)
    assert recipe.sample(new, recipe.latents(5, rng)).shape == (5, *sample.shape)


@pytest.mark.parametrize("net", ["dcgan", "perceptron", "maxout"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "spectral"])
def test_the_norm_of_D_is_the_one_asked_for(net, norm, rng):
    settings = UnconditionalSettings(**SMALL, net=net, norm_D=norm)
    if net == "maxout" and norm in ("batch", "layer"):
        with pytest.raises(UsageError, match="set norm_D to none or spectral"):
            Unconditional(settings, Sample((16, 16, 1)))
        return
    D = Unconditional(settings, Sample((16, 16, 1))).D
    there = {type(f) for f in modules(D.f)}
    image = net == "dcgan"
    kinds = {"batch": BatchNorm, "layer": GroupNorm if image else LayerNorm, "spectral": SpectralNorm}
    expected = {kinds[norm]} if norm in kinds else set()
    assert there & set(kinds.values()) == expected
    assert (Maxout in there) == (net == "maxout")


def test_dropout_is_drawn_anew_at_each_step_of_D(rng):
    recipe = Unconditional(UnconditionalSettings(**SMALL, net="maxout", norm_D="none", dropout=0.5), IMAGE)
    assert sum(isinstance(f, Dropout) for f in modules(recipe.D.f)) == 3
    state, batch = recipe.init(rng), batch_of(recipe, rng)
    ends = [recipe.step(state, batch, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    assert np.array_equal(ends[0].D, ends[1].D) and not np.array_equal(ends[0].D, ends[2].D)
    with pytest.raises(UsageError, match="dropout needs net=perceptron or net=maxout"):
        Unconditional(UnconditionalSettings(dropout=0.5), IMAGE)


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_the_first_kinks_of_D_are_spread_over_the_cube_that_was_asked_for(norm, rng):
    plain, spread = (
        Unconditional(UnconditionalSettings(width=32, norm_D=norm, pack=2, reach=r), POINT) for r in (0.0, 3.0)
    )
    theta = spread.D.init(rng)
    w, b = theta[: 128 * 4].reshape(128, 4), theta[128 * 4 : 128 * 5]
    reached = np.abs(b) / np.abs(w).sum(
        axis=1
    )  # a plane w x + b = 0 meets the cube where this is at most its half side
    assert reached.max() <= 3 and reached.max() > 1.5 and np.median(reached) > 0.3
    assert not theta[128 * 5 + 128 * 128 : 128 * 6 + 128 * 128].any()  # the second layer's
    assert spread.D.size == plain.D.size and not plain.D.init(rng)[128 * 4 : 128 * 5].any()


@pytest.mark.parametrize(
    "own", [{"net": "maxout"}, {"norm_D": "batch"}, {"norm_D": "layer"}, {"net": "dcgan"}], ids=str
)
def test_kinks_that_cannot_be_spread_are_refused(own):
    with pytest.raises(UsageError, match="reach needs rectifiers with biases in D"):
        Unconditional(
            UnconditionalSettings(**{"norm_D": "none"} | own, reach=1.0), IMAGE if own.get("net") == "dcgan" else POINT
        )


# ---------------------------------------------------------------- packed


@pytest.mark.parametrize("sample", [IMAGE, Sample((4, 4, 3)), POINT], ids=["grey", "colour", "point"])
def test_a_pack_holds_whole_samples_and_its_adjoint_puts_them_back(sample, rng):
    x = rng.normal(size=(6, *sample.shape))
    recipe = Unconditional(UnconditionalSettings(**SMALL, net="perceptron", pack=3), sample)
    packs = recipe.d_view(x, x[:, :0])
    c = sample.shape[-1]
    assert packs.shape == (2, *sample.shape[:-1], 3 * c)
    for i in range(6):
        assert np.array_equal(packs[i // 3][..., i % 3 * c : (i % 3 + 1) * c], x[i])
    assert np.array_equal(recipe.d_view_adjoint(packs), x)


@pytest.mark.parametrize("penalty", ["none", "r1", "wgan-gp"])
@pytest.mark.parametrize("sample", [IMAGE, POINT], ids=["image", "point"])
def test_a_packed_game_trains(sample, penalty, rng):
    state, log = stepped(
        Unconditional(UnconditionalSettings(**SMALL, pack=2, norm_D="none", penalty=penalty), sample), rng
    )
    assert all(map(np.isfinite, log.values())) and all(np.isfinite(a).all() for a in flatten(state).values())


def test_the_penalty_of_a_pack_is_on_the_line_between_a_real_and_a_generated_pack(rng, monkeypatch):
    recipe, met = Unconditional(UnconditionalSettings(**SMALL, pack=4, norm_D="none", penalty="wgan-gp"), POINT), []
    inner = adversarial.gradient_penalty

    def watched(D, theta, x, objective, **options):
        met.append(x)
        return inner(D, theta, x, objective, **options)

    monkeypatch.setattr(adversarial, "gradient_penalty", watched)
    state, batch = recipe.init(rng), batch_of(recipe, rng)
    made = recipe.generate(state, recipe.latents(8, rng))
    recipe.step_D(state, batch, made, rng)
    real, fake = (recipe.d_view(x, x[:, :0]) for x in (batch.x, made.x))
    along = (met[0] - fake) / (real - fake)
    np.testing.assert_allclose(along, np.broadcast_to(along[:, :1], along.shape), rtol=1e-3)


def test_a_pack_that_does_not_divide_the_batch_is_refused(rng):
    recipe = Unconditional(UnconditionalSettings(**SMALL, pack=3), POINT)
    with pytest.raises(UsageError, match="pack is 3, which does not divide a batch of 8"):
        recipe.step(recipe.init(rng), batch_of(recipe, rng), rng)


# ---------------------------------------------------------------- replayed


def test_a_pool_fills_and_then_gives_half_of_what_is_seen(rng):
    pool, batches = empty(6, (1,)), [np.arange(4.0 * i, 4 * i + 4)[:, None] for i in range(4)]
    pool, seen = replayed(pool, batches[0], rng)
    assert np.array_equal(seen, batches[0]) and pool.held == 4
    pool, seen = replayed(pool, batches[1], rng)
    assert np.array_equal(seen, batches[1]) and pool.held == 6
    assert np.array_equal(pool.images[:, 0], np.arange(6))
    before = pool.images.copy()
    pool_after, seen = replayed(pool, batches[2], rng)
    assert np.array_equal(pool.images, before)  # a pool is not written to
    assert np.array_equal(seen[2:], batches[2][2:]) and set(seen[:2, 0]) <= set(range(6))
    assert len(set(seen[:2, 0])) == 2
    gone = set(before[:, 0]) - set(pool_after.images[:, 0])
    assert gone == set(seen[:2, 0])
    assert set(pool_after.images[:, 0]) - set(before[:, 0]) == {8.0, 9.0}


@pytest.mark.parametrize("n", [1, 3])
def test_half_of_odd_batches_is_old_too_and_the_pool_goes_on(n, rng):
    pool, old, steps = empty(6, (1,)), 0, 600
    for t in range(steps):
        pool, seen = replayed(pool, np.full((n, 1), float(t)), rng)
        old += int((seen != t).sum())
    assert abs(old / (n * steps) - 0.5) < 0.08 and pool.images.min() > steps / 2


def test_only_D_sees_the_pool(rng):
    recipe = Unconditional(UnconditionalSettings(**SMALL, replay=8), IMAGE)
    state, batch = recipe.init(rng), batch_of(recipe, rng)
    state = recipe.step(state, batch, rng)[0]
    assert state.more.held == 8
    other = state._replace(more=state.more._replace(images=-state.more.images))
    a, b = (recipe.step(s, batch, np.random.default_rng(3))[1] for s in (state, other))
    assert a["D_fake"] != b["D_fake"] and a["D_real"] == b["D_real"]
    plain = Unconditional(UnconditionalSettings(**SMALL), IMAGE)
    assert plain.init(rng).more == ()


# ---------------------------------------------------------------- Wasserstein


def test_the_weights_of_a_wgan_are_clipped_after_each_step(rng):
    recipe = WGAN(RECIPES["wgan"].settings(**SMALL, most=0.02), IMAGE)
    state, _ = stepped(recipe, rng, 1)
    assert np.abs(state.D).max() == np.float32(0.02) and np.abs(state.G).max() > 0.02


@pytest.mark.parametrize(
    "name, value",
    [("width", 0), ("pack", 0), ("replay", -1), ("dropout", 1.0), ("most", 0.0), ("reach", -1.0)],
    ids=str,
)
def test_a_setting_out_of_range_is_named(name, value):
    with pytest.raises(UsageError, match=name):
        RECIPES["wgan"].settings(**{name: value})
