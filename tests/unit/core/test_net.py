"""A net is a pure function of one flat vector, and its parts fit or say why not."""

import numpy as np
import pytest

from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.layer import apply, fold, unfold
from tinygan.core.net import Net
from tinygan.errors import ShapeError
from tinygan.layers import BatchNorm, Conv2d, Dropout, Linear, ReLU, Reshape, SpectralNorm, Tanh


@pytest.fixture
def net():
    return Net(Linear(4, 12), Tanh(), Reshape(2, 2, 3), Residual(Conv2d(3, 3, 3, pad=1)), Reshape(12), Linear(12, 2))


def test_theta_is_one_vector_and_its_views_have_names(net, rng):
    theta = net.init(rng)
    assert theta.dtype == np.float32
    assert theta.shape == (net.size,) == (4 * 12 + 12 + 9 * 9 + 3 + 24 + 2,)
    names = net.view(theta)
    assert list(names) == [
        *("0.linear.w", "0.linear.b"),
        *("3.residual.0.conv2d.w", "3.residual.0.conv2d.b"),
        *("5.linear.w", "5.linear.b"),
    ]
    names["0.linear.w"][0, 0] = 7
    assert theta[0] == 7, "a view, not a copy"
    assert sum(a.size for a in names.values()) == net.size


def test_the_gradient_of_a_jvp_loss_against_differences(net, rng):
    theta = net.init(rng, np.float64)
    x, x_dot = rng.normal(size=(5, 4)), rng.normal(size=(2, 5, 4))

    def loss(theta):
        y, y_dot, saved = net.jvp(theta, x, x_dot)
        return (y**2).sum() + (y_dot**3).sum(), net.backward(theta, saved, 2 * y, 3 * y_dot**2).theta

    way, h = rng.normal(size=theta.shape), 1e-5
    slope = (loss(theta + h * way)[0] - loss(theta - h * way)[0]) / (2 * h)
    assert abs(slope - loss(theta)[1] @ way) <= 1e-7 * abs(slope)


def test_what_is_not_asked_for_is_not_computed(net, rng):
    theta = net.init(rng)
    y, saved = net.forward(theta, np.ones((3, 4), np.float32))
    only_theta = net.backward(theta, saved, y, wrt_x=False)
    only_x = net.backward(theta, saved, y, wrt_theta=False)
    both = net.backward(theta, saved, y)
    assert only_theta.x is None and only_x.theta is None
    assert np.array_equal(only_theta.theta, both.theta)
    assert np.array_equal(only_x.x, both.x)


def test_a_cotangent_of_another_shape_raises_and_names_both(net, rng):
    theta = net.init(rng)
    _, saved = net.forward(theta, np.ones((3, 4), np.float32))
    for wrong in ((3, 1), (1, 2), (3, 3)):  # the first two would broadcast
        with pytest.raises(ShapeError) as caught:
            net.backward(theta, saved, np.ones(wrong, np.float32))
        assert str((1, *wrong)) in str(caught.value) and "(1, 3, 2)" in str(caught.value)


def test_wrong_theta_x_and_tangents_raise(net, rng):
    theta, x = net.init(rng), np.ones((3, 4), np.float32)
    with pytest.raises(ShapeError, match=r"one flat vector: got \(5,\)"):
        net.forward(theta[:5], x)
    with pytest.raises(ShapeError, match="expects 4 features"):
        net.forward(theta, x[:, :3])
    with pytest.raises(ShapeError, match=r"x_dot \(3, 4\), x \(3, 4\)"):
        net.jvp(theta, x, x)


def test_branches_must_fit(rng):
    f = Residual(Linear(3, 2))
    with pytest.raises(ShapeError, match=r"one shape: got \(2,\) and \(3,\)"):
        apply(f, f.init(rng), np.ones((1, 1, 3)))
    g = Concat(Conv2d(1, 1, 1), Conv2d(1, 1, 2))
    with pytest.raises(ShapeError, match="last axis only"):
        apply(g, g.init(rng), np.ones((1, 1, 3, 3, 1)))


def test_concat_puts_branches_side_by_side(rng):
    f = Concat(Sequential(), Linear(3, 2))
    p = f.init(rng)
    Y, _ = apply(f, p, X := rng.normal(size=(1, 4, 3)))
    assert np.array_equal(Y, np.concatenate([X, X @ p[1][0].T + p[1][1]], axis=-1))


def test_fold_and_unfold_are_inverse_and_do_not_copy(rng):
    X = rng.normal(size=(3, 4, 5, 2))
    assert fold(X).shape == (12, 5, 2)
    assert np.shares_memory(fold(X), X)
    assert np.array_equal(unfold(fold(X), X), X)


def test_running_values_are_beside_theta_and_never_change_in_place(rng):
    net = Net(SpectralNorm(Linear(4, 6)), BatchNorm(6), ReLU(), Dropout(0.5), Linear(6, 1))
    theta = net.init(rng, np.float64)
    running = net.init_running(theta, rng)
    assert running.shape == (net.running_size,) == (6 + 12,)
    before = running.copy()
    x = rng.normal(size=(8, 4))
    bound = net.bind(running, np.random.default_rng(1))
    y, saved = bound.forward(theta, x)
    assert np.array_equal(y, bound.forward(theta, x)[0]), "a bound net is a pure function"
    assert not np.array_equal(y, net.bind(running, np.random.default_rng(2)).forward(theta, x)[0])
    after = bound.update(running, theta, saved)
    assert np.array_equal(running, before) and not np.array_equal(after, before)
    evaluated = net.eval(after)
    alone = np.concatenate([evaluated.forward(theta, x[i : i + 1])[0] for i in range(8)])
    assert np.allclose(evaluated.forward(theta, x)[0], alone, atol=1e-14), "evaluation couples no samples"
