"""What a first batch, virtual norms, minibatch discrimination and a kept past do, and what they refuse."""

import numpy as np
import pytest

from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.net import Net
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.layers import (
    Closeness,
    Conv2d,
    LeakyReLU,
    Linear,
    MinibatchDiscrimination,
    Reshape,
    Virtual,
    VirtualBatchNorm,
    WeightNorm,
)
from tinygan.models.data_init import data_init
from tinygan.optim import Adam
from tinygan.recipes.shared.semi_supervised import ClassifierSettings
from tinygan.recipes.systems.lgan_semi import SemiLGAN
from tinygan.recipes.systems.lgan_semi import Settings as LocalSettings
from tinygan.recipes.systems.sgan import SGAN, Settings
from tinygan.sampling.standing import standing_statistics
from tinygan.training.checkpoint import flatten, restore

EXACT = 1e-12


def sgan(shape=(8, 8, 1), settings=None, **judge):
    return SGAN(Settings(ClassifierSettings(2, 4, 3, **judge), latent=5, width=4, **(settings or {})), Sample(shape, 3))


def batch(shape=(8, 8, 1), seed=0):
    x = np.random.default_rng(seed).uniform(-1, 1, (10, *shape)).astype(np.float32)
    return Batch(x, {"class": np.array([0, 1, 2, 1, *[-1] * 6])})


def test_a_weight_norm_is_its_layer_first_and_a_length_and_a_direction_after(rng):
    f = Linear(5, 3)
    p = WeightNorm(f).init(np.random.default_rng(1))
    X = rng.normal(size=(1, 4, 5))
    np.testing.assert_allclose(WeightNorm(f).forward(p, X)[0], f.forward((p[0], p[2]), X)[0], rtol=EXACT)
    same, twice = WeightNorm(f).forward((7 * p[0], *p[1:]), X)[0], WeightNorm(f).forward((p[0], 2 * p[1], p[2]), X)[0]
    np.testing.assert_allclose(same, WeightNorm(f).forward(p, X)[0], rtol=EXACT)
    np.testing.assert_allclose(twice, 2 * same, rtol=EXACT)


def test_after_the_first_batch_every_layer_has_outputs_of_mean_0_and_variance_1(rng):
    layers = [
        WeightNorm(Conv2d(1, 4, 3)),
        LeakyReLU(0.1),
        Reshape(144),
        Concat(Sequential(), Sequential(WeightNorm(Linear(144, 6)), LeakyReLU(0.1))),
        WeightNorm(Linear(150, 2)),
    ]
    x = rng.normal(3, 2, size=(50, 8, 8, 1))
    theta = data_init(Net(*layers), Net(*layers).init(rng, np.float64), x)
    for depth in (1, 5):
        net = Net(*layers[:depth])
        y = net.forward(theta[: net.size], x)[0].reshape(-1, net.out_shape((8, 8, 1))[-1])
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-10)
        np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-10)


def test_an_output_that_does_not_vary_keeps_its_weights_and_a_hidden_weight_norm_is_refused(rng):
    net = Net(WeightNorm(Linear(3, 2)))
    theta = net.init(rng, np.float64)
    np.testing.assert_array_equal(data_init(net, theta, np.zeros((4, 3))), theta)
    inside = Net(Residual(WeightNorm(Linear(3, 3))))
    with pytest.raises(UsageError, match="Residual has a WeightNorm inside"):
        data_init(inside, inside.init(rng), np.zeros((4, 3)))


def test_in_single_precision_too_an_output_of_equal_samples_does_not_vary(rng):
    net = Net(WeightNorm(Linear(5, 4)))
    theta = net.init(rng)
    np.testing.assert_array_equal(data_init(net, theta, np.tile(rng.normal(size=5).astype(np.float32), (50, 1))), theta)


def test_a_sample_is_near_its_copy_and_far_from_what_is_far(rng):
    f = Closeness(2, 3)
    m = np.stack([np.zeros(6), np.zeros(6), np.full(6, 100.0)])[None]
    np.testing.assert_allclose(f.forward((), m)[0][0], [[1, 1], [1, 1], [0, 0]], atol=EXACT)
    a, b = rng.normal(size=(2, 2, 3))
    pair = np.stack([a, b]).reshape(1, 2, 6)
    expected = np.exp(-np.abs(a - b).sum(axis=1))
    np.testing.assert_allclose(f.forward((), pair)[0][0], [expected, expected], rtol=EXACT)


def test_minibatch_discrimination_stands_beside_the_features(rng):
    net = Net(MinibatchDiscrimination(4, 3))
    x = rng.normal(size=(5, 4))
    y, _ = net.forward(net.init(rng, np.float64), x)
    np.testing.assert_array_equal(y[:, :4], x)
    assert y.shape == (5, 7) and (y[:, 4:] > 0).all()


def test_a_virtual_norm_keeps_samples_apart_and_is_the_batch_norm_of_its_reference_and_the_sample(rng):
    net = Net(Virtual(VirtualBatchNorm(3, 5), (3,), 5))
    theta = net.init(rng, np.float64)
    running = net.init_running(theta, rng)
    x, reference = rng.normal(size=(4, 3)), running.reshape(5, 3)
    y, saved = net.bind(running).forward(theta, x)
    for i in range(4):
        rows = np.concatenate([reference, x[i : i + 1]])
        expected = (x[i] - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-5)
        np.testing.assert_allclose(y[i], expected, rtol=1e-10)
        np.testing.assert_allclose(net.eval(running).forward(theta, x[i : i + 1])[0][0], y[i], rtol=EXACT)
    np.testing.assert_array_equal(net.update(running, theta, saved), running)
    np.testing.assert_array_equal(standing_statistics(net, theta, running, lambda rng: x, 2, rng), running)
    with pytest.raises(UsageError, match=r"net\.bind"):
        net.forward(theta, x)


def test_historical_averaging_pulls_to_the_mean_of_the_past():
    adam, plain, theta = Adam(lr=0.1, history=0.5), Adam(lr=0.1), np.array([1.0, -2.0])
    memory, beside, path = adam.init(theta), plain.init(theta), [theta]
    for _ in range(5):
        g, mean = np.array([0.3, 0.1]), np.mean(path, axis=0)
        np.testing.assert_allclose(memory.mean, mean, rtol=EXACT)
        theta, memory = adam.step(path[-1], g, memory)
        expected, beside = plain.step(path[-1], g + (path[-1] - mean), beside)
        np.testing.assert_allclose(theta, expected, rtol=EXACT)
        path.append(theta)
    assert Adam().init(theta).mean == ()


EVERY = {
    "net": "noisy",
    "weight_norm": True,
    "minibatch": 2,
    "shift": 1,
    "game": "squared-feature-matching",
    "adam": Adam(history=0.1),
}


def test_with_every_trick_a_step_is_pure_and_goes_on_from_its_checkpoint():
    system = sgan(settings={"net": "softplus", "reference": 3, "adam_G": Adam(history=0.1)}, **EVERY)
    first = state = system.init(np.random.default_rng(0))
    before = {name: a.copy() for name, a in flatten(first).items()}
    for step in range(2):
        state, log = system.step(state, batch(seed=step), np.random.default_rng(step))
    assert all(np.array_equal(a, before[name]) for name, a in flatten(first).items())
    assert np.isfinite(list(log.values())).all()
    (one, _), (same, _) = (
        system.step(from_, batch(seed=2), np.random.default_rng(2)) for from_ in (state, restore(first, flatten(state)))
    )
    assert all(np.array_equal(a, flatten(same)[name]) for name, a in flatten(one).items())
    z = system.latents(3, np.random.default_rng(1))
    np.testing.assert_allclose(system.sample(state, z)[:1], system.sample(state, z[:1]), rtol=1e-4, atol=1e-5)


def test_generated_samples_are_not_seen_beside_real_ones():
    system = sgan(minibatch=2, dropout=0.0)
    state, rng = system.init(np.random.default_rng(0)), np.random.default_rng
    fake = rng(3).uniform(-1, 1, (6, 8, 8, 1)).astype(np.float32)
    one, _ = system.classifier.gradient(state.judge, batch(), fake, rng(1))
    other, _ = system.classifier.gradient(state.judge, batch(), fake[::-1].copy(), rng(1))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)  # the order within a group is nothing
    swapped = batch()
    x = np.concatenate([swapped.x[:4], fake])
    third, _ = system.classifier.gradient(state.judge, swapped._replace(x=x), swapped.x[4:], rng(1))
    assert np.abs(third - one).max() > 1e-3


@pytest.mark.parametrize("game", ["feature-matching", "non-saturating"])
@pytest.mark.parametrize("kernels", [0, 2])
def test_where_samples_meet_g_plays_against_the_classifier_with_its_noise(game, kernels):
    system = sgan(game=game, minibatch=kernels, dropout=0.5)
    state, x = system.init(np.random.default_rng(0)), batch().x
    one, other = (
        system.classifier.generator_loss(state.judge, x[:5], x[5:], np.random.default_rng(i))[0] for i in (1, 2)
    )
    assert (one != other) == bool(kernels)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WeightNorm(LeakyReLU()), "weight"),
        (lambda: ClassifierSettings(minibatch=-1), "minibatch is -1; expected a whole number, 0 to 2,048"),
        (lambda: ClassifierSettings(shift=-1), "shift is -1; expected a whole number, 0 to 2,048"),
        (lambda: ClassifierSettings(noise=(0.1, -1.0)), r"noise is \(0.1, -1.0\); expected 2 numbers, each at least 0"),
        (lambda: Adam(history=-1.0), "history"),
        (lambda: Settings(reference=4), "net=softplus"),
        (lambda: sgan((2,), shift=1), "points cannot be shifted"),
        (lambda: sgan((2,), weight_norm=True), "judge.net=noisy"),
        (
            lambda: SemiLGAN(LocalSettings(judge=ClassifierSettings(minibatch=3)), Sample((8, 8, 1), 3)),
            "judge.minibatch=0",
        ),
    ],
)
def test_what_cannot_be_is_one_line(make, words):
    with pytest.raises((UsageError, ValueError), match=words):
        make()
