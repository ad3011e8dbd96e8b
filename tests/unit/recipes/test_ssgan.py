"""The SS-GAN recipe: what each player learns of rotations, and that without them it is SNGAN."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.models import sngan
from tinygan.recipes.shared.adversarial import AdversarialRecipe
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.recipes.systems.ssgan import SSGAN, Settings
from tinygan.training.checkpoint import flatten, load_checkpoint, save_checkpoint

from ..states import exact

SHAPE, N = (28, 28, 1), 8
SMALL = {"latent": 4, "width_G": 2, "width_D": 3}
SAMPLE = Sample(SHAPE)


def system(rng, **options):
    """A recipe, a first state and a batch, in float64."""
    recipe = SSGAN(Settings(**SMALL, **options), SAMPLE)
    return recipe, exact(recipe.init(rng)), Batch(rng.uniform(-1, 1, (N, *SHAPE)), {})


def same(a, b):
    """Whether two arrays are one but for rounding."""
    return bool(np.abs(a - b).max() <= 1e-12 * np.abs(b).max())


def head(recipe, theta):
    """The weight and the bias of D's head for turns, in one vector."""
    return np.concatenate([a.ravel() for a in list(recipe.D.view(theta).values())[-2:]])


def test_without_rotations_a_step_is_one_of_sngan_and_the_head_of_turns_learns_nothing(rng):
    recipe, state, batch = system(rng, alpha=0.0, beta=0.0, loss="hinge")
    s = recipe.settings
    plain = AdversarialRecipe(s, SAMPLE, recipe.G, sngan.discriminator(SHAPE, s.width_D))
    P, R = plain.D.size, plain.D.running_size
    at = state._replace(D=state.D[:P], D_running=state.D_running[:R], D_memory=s.adam_D.init(state.D[:P]))
    new, log = recipe.step(state, batch, np.random.default_rng(1))
    other, other_log = plain.step(at, batch, np.random.default_rng(1))
    assert same(new.G, other.G) and same(new.D[:P], other.D) and same(new.D_running[:R], other.D_running)
    assert log.keys() == other_log.keys()
    assert np.array_equal(new.D[P:], state.D[P:]) and not new.D_memory.m[P:].any()
    assert recipe.D.size == P + head(recipe, state.D).size


def test_annealing_falls_in_a_line_to_zero(rng):
    recipe, state, batch = system(rng, anneal=10, alpha=0.5)
    z = recipe.latents(N, rng)

    def gradient(recipe, t):
        """G's gradient after t steps."""
        at = state._replace(G_memory=state.G_memory._replace(t=t))
        return recipe.step_G(at, batch, recipe.generate(at, z), np.random.default_rng(1))[0].G_memory.m

    start, end = (gradient(SSGAN(Settings(**SMALL, alpha=alpha), SAMPLE), 0) for alpha in (0.5, 0.0))
    assert np.abs(start - end).max() >= 0.01 * np.abs(start).max()
    assert same(gradient(recipe, 0), start) and same(gradient(recipe, 5), (start + end) / 2)
    assert all(same(gradient(recipe, t), end) for t in (10, 11, 1000))


def test_D_learns_turns_of_the_last_quarter_of_the_real_images_only(rng):
    recipe, state, batch = system(rng)
    z, other = recipe.latents(N, rng), recipe.latents(N, rng)

    def learnt(x, z):
        """The gradient of the head of turns."""
        new, _ = recipe.step_D(state, Batch(x, {}), recipe.generate(state, z), rng)
        return head(recipe, new.D_memory.m)

    g = learnt(batch.x, z)
    first, last = batch.x.copy(), batch.x.copy()
    first[: -N // 4], last[-1] = rng.uniform(-1, 1, first[: -N // 4].shape), rng.uniform(-1, 1, SHAPE)
    assert np.array_equal(learnt(batch.x, other), g), "fakes teach no turns"
    assert same(learnt(first, z), g)
    assert np.abs(learnt(last, z) - g).max() >= 1e-3 * np.abs(g).max()


def test_G_is_told_of_turns_of_its_own_images_only_and_changes_nothing_of_D(rng):
    recipe, state, batch = system(rng)
    made = recipe.generate(state, recipe.latents(N, rng))
    new, log = recipe.step_G(state, batch, made, rng)
    other, _ = recipe.step_G(state, Batch(-batch.x, {}), made, rng)
    assert np.array_equal(new.G, other.G)
    assert new.D is state.D and new.D_running is state.D_running and new.D_memory is state.D_memory
    assert {"rotation_fake", "turns_fake"} <= log.keys() and not any(name.endswith("real") for name in log)


def test_the_way_back_to_the_images_is_the_adjoint_of_the_turns(rng):
    """The slope of what G minimises along random moves of every image is that of differences."""
    recipe, state, batch = system(rng, alpha=0.7)
    D = recipe.D.bind(state.D_running)
    x, way = batch.x, rng.normal(size=batch.x.shape)

    def value(x):
        on = {name: D.forward(state.D, y) for name, y in recipe.g_inputs(np.zeros((N, 0)), x).items()}
        log, g = recipe.objective_G({name: y for name, (y, _) in on.items()}, batch, 0)
        back = {name: D.backward(state.D, saved, g[name], wrt_theta=False).x for name, (_, saved) in on.items()}
        return log["loss_G"] + 0.7 * log["rotation_fake"], recipe.g_inputs_adjoint(back)

    h = 1e-7
    slope = (value(x + h * way)[0] - value(x - h * way)[0]) / (2 * h)
    assert (value(x)[1] * way).sum() == pytest.approx(slope, rel=1e-6)


def test_the_turned_are_the_last_quarter_by_one_two_and_three_turns(rng):
    recipe = SSGAN(Settings(**SMALL), SAMPLE)
    x = rng.normal(size=(11, *SHAPE))  # a quarter of 11 is 2
    turned = recipe.turned(x, 1.0)["turned"]
    assert np.array_equal(turned, np.concatenate([np.rot90(x[-2:], k, axes=(1, 2)) for k in (1, 2, 3)]))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_of_a_batch_without_a_quarter_one_image_is_turned(n, rng):
    recipe = SSGAN(Settings(**SMALL), SAMPLE)
    x = rng.uniform(-1, 1, (n, *SHAPE)).astype(np.float32)
    assert len(recipe.turned(x, 1.0)["turned"]) == 3
    state, log = recipe.step(recipe.init(rng), Batch(x, {}), rng)
    assert state.G_memory.t == 1 and np.isfinite(list(log.values())).all()


def test_a_checkpoint_goes_on_as_if_it_had_not_been_left(rng, tmp_path):
    recipe = SSGAN(Settings(**SMALL, self_modulated=True, anneal=3), SAMPLE)
    batch = Batch(rng.uniform(-1, 1, (4, *SHAPE)).astype(np.float32), {})
    state, _ = recipe.step(recipe.init(rng), batch, rng)
    path = save_checkpoint(tmp_path, 1, state, {})
    again, _ = load_checkpoint(path, recipe.init(np.random.default_rng(9)))
    (a, log_a), (b, log_b) = (recipe.step(s, batch, np.random.default_rng(2)) for s in (state, again))
    assert log_a == log_b
    left, right = flatten(a), flatten(b)
    assert left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


OPTIONS = [{"self_modulated": True}, {"spectral": False, "penalty": "wgan-gp"}, {"penalty": "r1"}, {"pool": "mean"}]
OPTIONS += [{"n_critic": 2, "anneal": 1}, {"alpha": 0.0}, {"beta": 0.0}, {"attention": 14}, {"ortho": 1e-3}]
OPTIONS += [{"self_modulated": True, "orthonormal": Orthonormal(eta=0.1)}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_trains_a_finite_step_and_writes_to_no_input(options, rng):
    recipe = SSGAN(Settings(**SMALL, **options), SAMPLE)
    state = recipe.init(rng)
    batch = Batch(rng.uniform(-1, 1, (4 * recipe.batches, *SHAPE)).astype(np.float32), {})
    before = {name: a.copy() for name, a in flatten(state).items()}
    new, log = recipe.step(state, batch, rng)
    assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert all(np.isfinite(value) for value in log.values())
    assert ("rotation_fake" in log) == (recipe.settings.alpha > 0)
    assert ("rotation_real" in log) == (recipe.settings.beta > 0)
    images = recipe.sample(new, recipe.latents(3, rng))
    assert images.shape == (3, *SHAPE) and np.abs(images).max() <= 1


def test_numbers_of_D_are_the_logit_and_one_for_each_turn(rng):
    recipe, state, batch = system(rng)
    y = recipe.logits(state, batch.x)
    assert y.shape == (N, 5)
    assert same(recipe.logits(state, batch.x[:3]), y[:3])


def test_after_fifty_steps_of_D_every_weight_has_its_singular_value_within_a_percent(rng):
    recipe, state, _ = system(rng)
    made = recipe.generate(state, recipe.latents(4, rng))
    for _ in range(50):
        state, _ = recipe.step_D(state, Batch(rng.uniform(-1, 1, (4, *SHAPE)), {}), made, rng)
    running = state.D_running
    weights = [a for name, a in recipe.D.view(state.D).items() if name.endswith(".w")]
    assert len(weights) == 12
    for w in weights:
        W = w if w.ndim == 2 else w.reshape(-1, w.shape[3]).T
        u, running = running[: len(W)], running[len(W) :]
        assert abs(np.linalg.norm(W.T @ u) / np.linalg.svd(W, compute_uv=False)[0] - 1) <= 0.01
    assert not running.size


@pytest.mark.parametrize("wrong", [{"alpha": -0.1}, {"beta": np.nan}, {"anneal": -1}, {"alpha": np.inf}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
