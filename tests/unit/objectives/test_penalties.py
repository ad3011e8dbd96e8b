"""Objectives on derivatives: their cotangents, and the exact gradient of the whole in θ, batch statistics included."""

import numpy as np
import pytest

from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.net import Net
from tinygan.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvPool2d,
    ConvTranspose2d,
    Dropout,
    GaussianNoise,
    LeakyReLU,
    Linear,
    LocalMeanPool,
    MaxPool2d,
    ReLU,
    Reshape,
    SiLU,
    Softplus,
    SpectralNorm,
    Tanh,
    UpConv2d,
)
from tinygan.objectives.penalties import (
    centred,
    gradient_penalty,
    interpolate,
    laplace_beltrami,
    one_centred,
    orthonormal,
    orthonormal_l1,
    path_length,
    perturb,
    through_jvp,
    through_vjp,
    zero_centred,
)

K, N, LATENT = 3, 5, 4
DIFFERENCES, EXACT = 1e-6, 1e-12
CRITIC = Net(Reshape(12), Linear(12, 6, bias=False), BatchNorm(6), SiLU(), Linear(6, 1))
GENERATOR = Net(Linear(LATENT, 6, bias=False), BatchNorm(6), Softplus(), Linear(6, 12), Tanh(), Reshape(2, 2, 3))

ON_GRADIENTS = {"zero-centred": zero_centred, "one-centred": one_centred, "centred at 0.3": centred(0.3)}
ON_TANGENTS = {
    "orthonormal": orthonormal(),
    "orthonormal to a scale": orthonormal(0.7),
    "orthonormal in L1": orthonormal_l1(0.7),
    "laplace-beltrami": laplace_beltrami,
}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def weights(net):
    return net.init(np.random.default_rng(0), np.float64) + 0.2 * normal(1, net.size)


def slope(f, h=1e-4):
    """f'(0) by central differences of fourth order."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def settles(f, gradient, at, seed=9):
    """⟨gradient, way⟩ is the slope of f along a random way from ``at``."""
    way = normal(seed, *at.shape)
    np.testing.assert_allclose((gradient * way).sum(), slope(lambda t: f(at + t * way)), rtol=DIFFERENCES)


# ---------------------------------------------------------------- objectives alone


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_the_cotangent_of_a_gradient_is_that_of_differences(name):
    g = normal(2, N, 2, 3)
    settles(lambda a: ON_GRADIENTS[name](a)[0], ON_GRADIENTS[name](g)[1], g)


@pytest.mark.parametrize("name", ON_TANGENTS)
def test_the_cotangents_of_tangents_are_those_of_differences(name):
    y, y_dot = normal(2, N, 2, 3), normal(3, K, N, 2, 3)
    _, gy, gy_dot = ON_TANGENTS[name](y, y_dot)
    settles(lambda a: ON_TANGENTS[name](y, a)[0], gy_dot, y_dot)
    np.testing.assert_array_equal(gy, np.zeros_like(y))


def test_values_are_means_over_samples_of_norms_over_one():
    g = np.array([[[3.0], [4.0]], [[0.0], [2.0]]])
    assert zero_centred(g)[0] == 0.5 * (25 + 4) / 2
    assert one_centred(g)[0] == (16 + 1) / 2
    assert centred(2.0)(g)[0] == (9 + 0) / 2
    np.testing.assert_allclose(one_centred(g)[1], [[[4 * 0.6], [4 * 0.8]], [[0], [1]]], rtol=EXACT)
    assert laplace_beltrami(g, np.stack([g, 2 * g]))[0] == (1 + 4) * (25 + 4) / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_a_gradient_of_zero_the_penalty_is_one_and_its_slope_zero(dtype):
    value, v = one_centred(np.zeros((N, 2, 2, 3), dtype))
    assert value == 1
    assert v.dtype == dtype
    np.testing.assert_array_equal(v, np.zeros_like(v))


def test_a_critic_that_is_constant_has_penalty_one_and_a_finite_gradient():
    theta = weights(CRITIC)
    CRITIC.view(theta)["4.linear.w"][:] = 0
    value, pulled = gradient_penalty(CRITIC, theta, normal(2, N, 2, 2, 3), one_centred)
    assert value == 1
    assert not pulled.theta.any()
    assert not pulled.x.any()


@pytest.mark.parametrize("objective", [orthonormal, orthonormal_l1])
@pytest.mark.parametrize("s", [1.0, 0.5])
def test_orthonormality_is_zero_for_an_orthonormal_frame_and_only_there(objective, s):
    frames = np.linalg.qr(normal(2, N, 6, K))[0]
    y_dot = s * frames.transpose(2, 0, 1).reshape(K, N, 2, 3)
    y = np.zeros((N, 2, 3))
    assert objective(s)(y, y_dot)[0] <= EXACT
    assert objective(s)(y, 1.1 * y_dot)[0] >= 1e-3
    skew = y_dot.copy()
    skew[1] += 0.1 * y_dot[0]
    assert objective(s)(y, skew)[0] >= 1e-3


def test_orthonormality_counts_every_entry_of_the_gram_matrix():
    y = np.zeros((1, 2))
    y_dot = np.array([[[1.0, 1.0]], [[0.0, 2.0]]])  # JᵀJ = [[2, 2], [2, 4]]
    assert orthonormal()(y, y_dot)[0] == 1 + 4 + 4 + 9
    assert orthonormal_l1()(y, y_dot)[0] == (1 + 2 + 2 + 3) / 4


# ---------------------------------------------------------------- through a net


@pytest.mark.parametrize("name", ON_TANGENTS)
def test_the_gradients_through_a_jvp_are_those_of_the_whole_value(name):
    theta, z, z_dot = weights(GENERATOR), normal(2, N, LATENT), normal(3, K, N, LATENT)

    def value(theta, z, z_dot):
        return through_jvp(GENERATOR, theta, z, z_dot, ON_TANGENTS[name])[0]

    pulled = through_jvp(GENERATOR, theta, z, z_dot, ON_TANGENTS[name])[1]
    settles(lambda a: value(a, z, z_dot), pulled.theta, theta)
    settles(lambda a: value(theta, a, z_dot), pulled.x, z)
    settles(lambda a: value(theta, z, a), pulled.x_dot, z_dot)


def test_the_gradients_through_a_jvp_hold_what_the_objective_asks_of_the_point():
    theta, z, z_dot = weights(GENERATOR), normal(2, N, LATENT), normal(3, K, N, LATENT)

    def objective(y, y_dot):
        return float((y * y_dot).sum()), y_dot.sum(axis=0), np.broadcast_to(y, y_dot.shape)

    pulled = through_jvp(GENERATOR, theta, z, z_dot, objective)[1]
    settles(lambda a: through_jvp(GENERATOR, a, z, z_dot, objective)[0], pulled.theta, theta)


@pytest.mark.parametrize("name", ON_GRADIENTS)
@pytest.mark.parametrize(("net", "shape"), [(GENERATOR, (LATENT,)), (CRITIC, (2, 2, 3))])
def test_the_gradients_through_a_vjp_are_those_of_the_whole_value(net, shape, name):
    theta, x, u = weights(net), normal(2, N, *shape), normal(3, N, *net.out_shape(shape))
    pulled = through_vjp(net, theta, x, u, ON_GRADIENTS[name])[1]
    settles(lambda a: through_vjp(net, a, x, u, ON_GRADIENTS[name])[0], pulled.theta, theta)
    settles(lambda a: through_vjp(net, theta, a, u, ON_GRADIENTS[name])[0], pulled.x, x)


def test_the_penalised_gradient_is_that_of_the_sum_of_logits():
    theta, x = weights(CRITIC), normal(2, N, 2, 2, 3)
    caught = []

    def objective(g):
        caught.append(g)
        return zero_centred(g)

    gradient_penalty(CRITIC, theta, x, objective)
    settles(lambda a: CRITIC.forward(theta, a)[0].sum(), caught[0], x)


def test_path_length_returns_its_gradient_and_the_mean_length():
    theta, z = weights(GENERATOR), normal(2, N, LATENT)

    def at(theta, a=0.5):
        return path_length(GENERATOR, theta, z, a, np.random.default_rng(4))

    _, length, pulled = at(theta)
    settles(lambda t: at(t)[0], pulled.theta, theta)
    # E(‖g‖ + 1)² − E(‖g‖ − 1)² = 4 E‖g‖
    assert length == pytest.approx((at(theta, -1.0)[0] - at(theta, 1.0)[0]) / 4, rel=EXACT)


# ---------------------------------------------------------------- points


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_interpolation_has_one_weight_in_the_unit_interval_for_each_sample(dtype):
    real, fake = np.ones((200, 2, 2, 3), dtype), np.zeros((200, 2, 2, 3), dtype)
    x = interpolate(real, fake, np.random.default_rng(0))
    assert x.dtype == dtype
    e = x[:, 0, 0, 0]
    np.testing.assert_array_equal(x, np.broadcast_to(e[:, None, None, None], x.shape))
    assert 0 <= e.min() <= 0.05
    assert 0.95 <= e.max() <= 1
    np.testing.assert_allclose(interpolate(real, real, np.random.default_rng(0)), real, rtol=1e-6)


def test_perturbation_is_uniform_within_half_the_spread_of_the_data():
    real = normal(2, 200, 2, 2, 3).astype(np.float32)
    moved = perturb(real, np.random.default_rng(0)) - real
    assert moved.dtype == np.float32
    share = moved / real.std()
    assert -0.5 - 1e-6 <= share.min() <= -0.49
    assert 0.49 <= share.max() <= 0.5 + 1e-6
    assert abs(share.mean()) <= 5 / np.sqrt(12 * share.size)


# ---------------------------------------------------------------- piecewise linear nets


def critic(*layers):
    return Net(*layers, Reshape(16), Linear(16, 1))


PIECEWISE = {
    "linear": critic(Conv2d(3, 4, 3, pad=1), LeakyReLU(0.2), AvgPool2d(2)),
    "no bias": critic(Conv2d(3, 4, 4, stride=2, pad=1, bias=False), ReLU()),
    "residual": critic(ConvPool2d(3, 4), Residual(Sequential(ReLU(), Conv2d(4, 4, 3, pad=1)))),
    "side by side": critic(Concat(Conv2d(3, 3, 3, stride=2, pad=1), Sequential(AvgPool2d(2), Conv2d(3, 1, 1))), ReLU()),
    "spectral norm": critic(SpectralNorm(Conv2d(3, 4, 4, stride=2, pad=1)), LeakyReLU(0.1)),
    "noise": critic(GaussianNoise(0.3), ConvTranspose2d(3, 4, 4, stride=2, pad=1), ReLU(), Dropout(0.4), AvgPool2d(4)),
    "pools": critic(Conv2d(3, 4, 3, pad=1), MaxPool2d(3, pad=1), LocalMeanPool(3), MaxPool2d(2, stride=2)),
    "fused": critic(UpConv2d(3, 4), ReLU(), AvgPool2d(4)),
}


@pytest.mark.parametrize("name", PIECEWISE)
@pytest.mark.parametrize("loss", [True, False], ids=["with a loss on y", "alone"])
def test_the_short_way_through_a_piecewise_linear_net_is_the_long_way(name, loss, monkeypatch):
    net = PIECEWISE[name]
    theta = weights(net)
    net = net.bind(net.init_running(theta, np.random.default_rng(2)), np.random.default_rng(3))
    assert net.piecewise_linear
    x, gy = normal(4, N, 4, 4, 3), normal(5, N, 1)
    options = {"primal": net.forward(theta, x), "gy": gy} if loss else {}
    value, short = gradient_penalty(net, theta, x, one_centred, **options)
    monkeypatch.setattr(Net, "piecewise_linear", False)
    other, long = gradient_penalty(net, theta, x, one_centred, **options)
    assert abs(value - other) <= EXACT
    for a, b in ((short.theta, long.theta), (short.x, long.x)):
        assert np.abs(a - b).max() <= EXACT * max(1, np.abs(b).max())
    if loss:
        apart = gradient_penalty(net, theta, x, one_centred)[1]
        plain = net.backward(theta, net.forward(theta, x)[1], gy)
        assert np.abs(apart.theta + plain.theta - long.theta).max() <= EXACT * np.abs(long.theta).max()


def test_smooth_nets_and_batch_statistics_take_the_long_way():
    assert not CRITIC.piecewise_linear
    assert not Net(Linear(3, 3), Tanh()).piecewise_linear
    assert not Net(Residual(Linear(3, 3), BatchNorm(3))).piecewise_linear


def test_a_loss_on_several_outputs_takes_the_long_way():
    net = Net(Linear(4, 6), LeakyReLU(0.2), Linear(6, 3))
    theta, x, u, gy = weights(net), normal(4, N, 4), normal(5, N, 3), normal(6, N, 3)
    pulled = through_vjp(net, theta, x, u, zero_centred, gy=gy)[1]
    plain = net.backward(theta, net.forward(theta, x)[1], gy)
    apart = through_vjp(net, theta, x, u, zero_centred)[1]
    assert np.abs(pulled.theta - plain.theta - apart.theta).max() <= EXACT
