"""Self-attention as PyTorch has it: its value, its gradients, and the gradients of a loss on its tangents."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.layers import SelfAttention
from tinygan.objectives.penalties import through_jvp

from .twins import FIRST, SECOND, agree, cut, gradients, on_images, push_tangents, tensors

torch = pytest.importorskip("torch")
F = torch.nn.functional

N, C, K = 3, 8, 2
CASES = [(pool, spectral) for pool in (True, False) for spectral in (True, False)]


def attention(net, pool, sigmas):
    """Zhang et al. 2019, eqs. 1-3, from θ and x."""
    pooled = on_images(lambda a: F.max_pool2d(a, 2)) if pool else lambda a: a

    def f(theta, x):
        *weights, gamma = cut(net, theta)
        matrices = [w.flatten(0, 2) for w in weights]
        query, key, value, out = (w / sigma(w) for w, sigma in zip(matrices, sigmas, strict=True))
        q, k, v = (x @ query).flatten(1, 2), pooled(x @ key).flatten(1, 2), pooled(x @ value).flatten(1, 2)
        beta = torch.softmax(torch.einsum("nic,njc->nij", q, k), dim=2)
        return x + gamma * (torch.einsum("nij,njc->nic", beta, v) @ out).view(x.shape)

    return f


def along(u):
    """σ of a weight whose columns are its outputs."""
    return lambda w: (w @ u).norm()


@pytest.fixture(params=CASES, ids=lambda case: f"{'pooled' if case[0] else 'whole'}{' spectral' if case[1] else ''}")
def place(request):
    """A bound net, its counterpart, θ with γ = 0.7, x and tangents."""
    pool, spectral = request.param
    rng = np.random.default_rng(0)
    net = Net(SelfAttention(C, inner=2, pool=pool, spectral=spectral))
    theta = net.init(rng, np.float64)
    theta[-1] = 0.7
    running = net.init_running(theta, rng)
    us = np.split(running, np.cumsum([2, 2, 4]))
    sigmas = [along(torch.tensor(u)) if spectral else (lambda w: 1.0) for u in us]
    x, x_dot = rng.normal(size=(N, 4, 6, C)), rng.normal(size=(K, N, 4, 6, C))
    return net.bind(running), attention(net, pool, sigmas), theta, x, x_dot


def test_value_and_gradients_are_those_of_torch(place):
    net, f, theta, x, _ = place
    y, saved = net.forward(theta, x)
    gy = np.random.default_rng(1).normal(size=y.shape)
    ours = net.backward(theta, saved, gy)
    weights, at = tensors(theta, x)
    theirs = f(weights, at)
    g, gx = gradients((theirs * torch.tensor(gy)).sum(), weights, at)
    agree(FIRST, y=(y, theirs.detach()), gtheta=(ours.theta, g), gx=(ours.x, gx))


def test_the_gradients_of_a_loss_on_tangents_are_those_of_torch(place):
    net, f, theta, x, x_dot = place
    value, ours = through_jvp(
        net, theta, x, x_dot, lambda y, y_dot: ((y**2).sum() + (y_dot**4).sum(), 2 * y, 4 * y_dot**3)
    )
    weights, at, way = tensors(theta, x, x_dot)
    theirs = f(weights, at).pow(2).sum() + push_tangents(lambda a: f(weights, a), at, way).pow(4).sum()
    g, gx, gx_dot = gradients(theirs, weights, at, way)
    agree(
        SECOND,
        value=(value, theirs.detach()),
        gtheta=(ours.theta, g),
        gx=(ours.x, gx),
        gx_dot=(ours.x_dot, gx_dot),
    )


def test_the_second_derivative_is_that_of_torch(place):
    net, f, theta, x, (u, v) = place
    _, _, (H,) = net.second_derivative(theta, x, np.stack([u, v]), ([0], [1]))
    weights, at, a, b = tensors(theta, x, u, v)

    def along_u(q):
        return push_tangents(lambda r: f(weights, r), q, a[None])[0]

    agree(SECOND, H=(H, push_tangents(along_u, at, b[None])[0].detach()))
