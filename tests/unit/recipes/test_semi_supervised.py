"""Semi-supervised systems: they learn, their gradients are exact, labels that are hidden change nothing."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm, Linear, LogSoftmax, Softplus
from tinygan.recipes.shared.intrinsic import Intrinsic
from tinygan.recipes.shared.semi_supervised import ClassifierSettings
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.recipes.systems.lgan_semi import SemiLGAN
from tinygan.recipes.systems.lgan_semi import Settings as SemiSettings
from tinygan.recipes.systems.sgan import SGAN, Settings
from tinygan.training.checkpoint import flatten

JUDGE = ClassifierSettings(labels=2, labelled=4, width=3)
LOCAL = {"latent": 3, "code": 5, "width": 4, "orthonormal": Orthonormal(eta=0.5, tangents=2, samples=4)}


def sgan(shape=(8, 8, 1), **judge):
    return SGAN(Settings(judge=ClassifierSettings(2, 4, 3, **judge), latent=5, width=4), Sample(shape, 3))


def lgan(shape=(8, 8, 1), **settings):
    intrinsic = Intrinsic(weight=0.1, tangents=2, samples=4)
    return SemiLGAN(SemiSettings(**LOCAL, judge=JUDGE, **{"intrinsic": intrinsic, **settings}), Sample(shape, 3))


def batch(shape=(8, 8, 1), seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (10, *shape)).astype(np.float32)
    return Batch(x, {"class": np.array([0, 1, 2, 1, *[-1] * 6])})


@pytest.mark.parametrize("make", [sgan, lgan])
@pytest.mark.parametrize("shape", [(8, 8, 1), (2,)], ids=["images", "points"])
def test_a_step_is_pure_the_same_again_and_moves_every_net(make, shape):
    system = make(shape)
    state = system.init(np.random.default_rng(0))
    before = {name: a.copy() for name, a in flatten(state).items()}
    new, log = system.step(state, batch(shape), np.random.default_rng(1))
    again, _ = system.step(state, batch(shape), np.random.default_rng(1))
    assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.array_equal(a, flatten(again)[name]) for name, a in flatten(new).items())
    assert all((flatten(new)[name] != before[name]).any() for name in system.nets)
    assert all(np.isfinite(list(log.values())))
    z = system.latents(7, np.random.default_rng(2))
    assert system.sample(new, z).shape == (7, *shape)
    assert system.read(new, batch(shape).x)[1].shape == (10, 3)


def test_without_the_weight_of_the_unlabelled_they_change_nothing():
    system = sgan(unlabelled=0.0)
    state = system.init(np.random.default_rng(0))
    one, other = batch(), batch(seed=1)
    other = other._replace(x=np.concatenate([one.x[:4], other.x[4:]]))
    new, log = system.step(state, one, np.random.default_rng(1))
    assert np.array_equal(new.judge.C, system.step(state, other, np.random.default_rng(1))[0].judge.C)
    assert np.array_equal(new.G, state.G) and set(log) == {"loss", "accuracy", "grad_C"}


def test_orthonormal_tangents_can_be_asked_of_a_global_generator_here_too():
    constraint = Orthonormal(eta=0.1, tangents=2, scale=0.0, statistics="batch")
    free = sgan()
    held = SGAN(
        Settings(judge=ClassifierSettings(2, 4, 3), latent=5, width=4, orthonormal=constraint), Sample((8, 8, 1), 3)
    )
    state = held.init(np.random.default_rng(0))
    new, log = held.step(state, batch(), np.random.default_rng(1))
    without, _ = free.step(state, batch(), np.random.default_rng(1))
    assert new.tangent > 0 and log["orthonormal"] > 0
    assert (new.G != without.G).any() and np.array_equal(new.judge.C, without.judge.C)
    with pytest.raises(UsageError, match="has 1 latent axes"):
        Settings(latent=1, orthonormal=constraint)


def test_the_term_on_charts_waits_for_its_step():
    logs = []
    system = lgan(intrinsic=Intrinsic(weight=0.1, tangents=2, after=1))
    state = system.init(np.random.default_rng(0))
    for step in range(2):
        state, log = system.step(state, batch(), np.random.default_rng(step))
        logs.append("intrinsic" in log)
    assert logs == [False, True]


@pytest.mark.parametrize("share", [2, 3])
def test_the_intrinsic_gradient_is_exact_for_both_nets_and_the_inputs_through_batch_statistics(share):
    rng = np.random.default_rng(0)
    F, f = Net(Linear(7, 9), BatchNorm(9), Softplus(), Linear(9, 6)), Net(Linear(6, 8), Softplus(), Linear(8, 4))
    log_p = Net(f.f, LogSoftmax(rest=True))
    F = F.bind(F.init_running(F.init(rng, np.float64), rng))
    theta = [net.init(rng, np.float64) for net in (F, f)]
    x, term, h = rng.normal(size=(5, 7)), Intrinsic(weight=0.7, tangents=share, samples=4, trains="both"), 1e-5

    def step(t, ways):
        a, b, c = (at + t * way for at, way in zip((*theta, x), ways, strict=True))
        return term.step(F, a, log_p, b, c, 3, np.random.default_rng(1))

    ways = [rng.normal(size=a.shape) for a in (*theta, x)]
    _, g_C, pulled = step(0, ways)
    found = [pulled.theta, g_C, np.concatenate([pulled.x, np.zeros((1, 7))])]
    for i, g in enumerate(found):
        only = [way * (i == j) for j, way in enumerate(ways)]
        quotient = 0.7 * (step(h, only)[0] - step(-h, only)[0]) / (2 * h)
        assert quotient == pytest.approx((g * ways[i]).sum(), rel=1e-6)


def test_a_random_choice_of_axes_estimates_the_intrinsic_gradient_without_bias():
    rng = np.random.default_rng(0)
    F, log_p = Net(Linear(5, 6), Softplus()), Net(Linear(6, 4), LogSoftmax(rest=True))
    theta, at = [net.init(rng, np.float64) for net in (F, log_p)], rng.normal(size=(4, 5))

    def value(tangents, seed):
        return Intrinsic(tangents=tangents).step(F, theta[0], log_p, theta[1], at, 3, np.random.default_rng(seed))[0]

    ones = {round(value(1, seed), 12) for seed in range(60)}
    assert len(ones) == 3
    assert sum(ones) / 3 == pytest.approx(value(3, 0), rel=1e-10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: lgan(intrinsic=Intrinsic(tangents=4)), "intrinsic.tangents is 4, but the generator has 3"),
        (lambda: lgan(keep=-1.0), "keep"),
        (lambda: ClassifierSettings(dropout=1.0), "dropout is 1.0; expected a number, at least 0 and below 1"),
        (lambda: ClassifierSettings(labels=0), "labels is 0; expected a whole number, 1 to"),
        (lambda: SGAN(Settings(), Sample((8, 8, 1), 1)), "two classes"),
        (lambda: Intrinsic(weight=float("nan")), "weight is nan; expected a number, at least 0"),
    ],
)
def test_settings_that_cannot_be_are_one_line(make, words):
    with pytest.raises(UsageError, match=words):
        make()
