"""The Localized GAN: exact gradients of its constraints, its step, and what it says of wrong settings."""

from itertools import combinations

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.layers import BatchNorm, Linear, Softplus, Tanh
from tinygan.objectives.penalties import along_latent, orthonormal, orthonormal_l1, through_jvp
from tinygan.optim import Adam
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.recipes.systems.lgan import LGAN, Settings

SHAPE = (8, 8, 1)
SMALL = {"latent": 3, "code": 5, "width": 4}


def small(**settings):
    return LGAN(
        Settings(**SMALL, **{"orthonormal": Orthonormal(eta=0.5, tangents=2, samples=4), **settings}), Sample(SHAPE)
    )


def images(n=6):
    return np.random.default_rng(7).uniform(-1, 1, (n, *SHAPE)).astype(np.float32)


def quotient(f, theta, way, h=1e-5):
    return (f(theta + h * way) - f(theta - h * way)) / (2 * h)


@pytest.mark.parametrize("statistics", ["frozen", "batch"])
@pytest.mark.parametrize("form", ["squared", "absolute"])
def test_the_constraint_of_a_step_has_the_exact_gradient_in_weights_and_code(statistics, form):
    rng = np.random.default_rng(0)
    net = Net(Linear(7, 12), BatchNorm(12), Softplus(), Linear(12, 9), Tanh())
    theta = net.init(rng, np.float64)
    running = net.init_running(theta, rng) + 0.3
    x, constraint = (
        rng.normal(size=(5, 7)),
        Orthonormal(eta=0.7, tangents=2, samples=4, form=form, statistics=statistics),
    )

    def value(theta, x):
        return constraint.eta * constraint.step(net, running, theta, x, 3, 1.0, np.random.default_rng(1))[0]

    pulled = constraint.step(net, running, theta, x, 3, 1.0, np.random.default_rng(1))[2]
    way, move = rng.normal(size=theta.shape), rng.normal(size=(4, 7))
    assert quotient(lambda t: value(t, x), theta, way) == pytest.approx(pulled.theta @ way, rel=1e-6)
    assert quotient(lambda v: value(theta, v), x[:4], move) == pytest.approx((pulled.x * move).sum(), rel=1e-6)


@pytest.mark.parametrize("form", [orthonormal, orthonormal_l1])
@pytest.mark.parametrize("K", [2, 3, 4])
def test_a_random_choice_of_axes_estimates_the_constraint_on_all_without_bias(form, K):
    rng = np.random.default_rng(0)
    y, y_dot = rng.normal(size=(6, 5)), rng.normal(size=(4, 6, 5))
    value, _, gy_dot = form()(y, y_dot)
    values, pulled = [], np.zeros_like(gy_dot)
    chosen = list(combinations(range(4), K))
    for some in chosen:
        v, _, g = form(of=4)(y, y_dot[list(some)])
        values.append(v)
        pulled[list(some)] += g / len(chosen)
    assert np.mean(values) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(pulled, gy_dot, rtol=1e-12, atol=1e-14)


def test_one_of_several_tangents_is_refused():
    with pytest.raises(ValueError, match="draw 2 or more"):
        orthonormal(of=3)(np.zeros((1, 2)), np.zeros((1, 1, 2)))


def test_axes_are_different_unit_vectors_shared_by_the_batch():
    x_dot = along_latent(np.zeros((5, 9)), 6, 4, np.random.default_rng(0))
    assert x_dot.shape == (4, 5, 9) and not x_dot[..., :3].any()
    e = x_dot[..., 3:]
    np.testing.assert_array_equal(e[:, 0] @ e[:, 0].T, np.eye(4))
    np.testing.assert_array_equal(e, np.broadcast_to(e[:, :1], e.shape))


def test_a_linear_generator_becomes_orthonormal():
    rng = np.random.default_rng(0)
    net = Net(Linear(4, 20))
    theta, z = 0.1 * net.init(rng, np.float64), rng.normal(size=(1, 4))
    for _ in range(1500):
        _, pulled = through_jvp(net, theta, z, along_latent(z, 4, 4, rng), orthonormal())
        theta = theta - 0.02 * pulled.theta
    J = net.view(theta)["0.linear.w"]
    assert np.linalg.norm(J.T @ J - np.eye(4)) < 1e-6


def test_tangents_are_the_derivatives_of_the_local_generator_at_its_anchor():
    system = small()
    state = system.init(np.random.default_rng(0))
    names = ("E_ema", "F_ema", "E_running", "F_running")
    local = state.local._replace(**{name: getattr(state.local, name).astype(np.float64) for name in names})
    state = state._replace(local=local)
    x = images(2).astype(np.float64)
    y, tau = system.tangents(state, x)
    np.testing.assert_allclose(y, system.local(state, x, np.zeros((2, 3))), rtol=1e-12, atol=1e-14)
    for j in range(3):
        up, down = (system.local(state, x, np.full((2, 1), h) * np.eye(3)[j]) for h in (1e-5, -1e-5))
        assert np.abs((up - down) / 2e-5 - tau[j]).max() <= 1e-8 * max(1, np.abs(tau).max())


@pytest.mark.parametrize("shape", [SHAPE, (2,)], ids=["images", "points"])
def test_a_step_is_pure_and_moves_every_net(shape):
    system = (
        LGAN(Settings(latent=1, width=4, gamma=0.1, orthonormal=Orthonormal(eta=1.0, tangents=1)), Sample(shape))
        if shape == (2,)
        else small()
    )
    state = system.init(np.random.default_rng(0))
    batch = Batch(np.random.default_rng(1).uniform(-1, 1, (6, *shape)).astype(np.float32), {})
    before = [np.copy(a) for a in (state.local.E, state.local.F, state.D)]
    new, log = system.step(state, batch, np.random.default_rng(2))
    again, _ = system.step(state, batch, np.random.default_rng(2))
    for a, b, c, d in zip(
        before,
        (state.local.E, state.local.F, state.D),
        (new.local.E, new.local.F, new.D),
        (again.local.E, again.local.F, again.D),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(c, d)
        assert (a != c).any()
    assert all(np.isfinite(list(log.values())))


def test_the_step_of_D_follows_the_exact_gradient_of_its_loss_with_the_penalty():
    system = small(gamma=0.5, adam_D=Adam(lr=1e-3, b1=0.0))
    state = system.init(np.random.default_rng(0))
    still = {name: getattr(state, name).astype(np.float64) for name in ("D", "D_running")}
    state = state._replace(**still, D_memory=system.settings.adam_D.init(still["D"]))
    x, moved, anchor = (np.random.default_rng(i).uniform(-1, 1, (6, *SHAPE)) for i in range(3))

    def value(theta):
        log = system.step_D(state._replace(D=theta), x, moved, anchor)[1]
        of_anchor = np.logaddexp(0, system.D.bind(state.D_running).forward(theta, anchor)[0]).mean()
        return log["loss_D"] + system.settings.gamma * log["penalty"] + system.settings.anchor * of_anchor

    new, log = system.step_D(state, x, moved, anchor)
    g = new.D_memory.m  # with b1 = 0 the gradient itself
    way = np.random.default_rng(4).normal(size=g.shape)
    assert quotient(value, state.D, way, 1e-6) == pytest.approx(g @ way, rel=1e-5)
    assert log["grad_D"] == pytest.approx(np.linalg.norm(g))


def test_samples_lie_around_the_anchors_of_the_state():
    system = small()
    state, _ = system.step(system.init(np.random.default_rng(0)), Batch(images(), {}), np.random.default_rng(1))
    z = system.latents(10, np.random.default_rng(2))
    assert system.sample(state, z).shape == (10, *SHAPE)
    np.testing.assert_array_equal(state.anchors[:6], images())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"latent": 3, "orthonormal": Orthonormal(eta=1.0, tangents=4)}, "tangents is 4, but the generator has 3"),
        ({"latent": 3, "orthonormal": Orthonormal(eta=1.0, tangents=1)}, "choose 2 to 3"),
        ({"latent": 0}, "latent"),
        ({"mu": float("nan")}, "mu"),
    ],
)
def test_settings_that_cannot_be_are_one_line(settings, words):
    with pytest.raises(UsageError, match=words):
        Settings(**settings)
