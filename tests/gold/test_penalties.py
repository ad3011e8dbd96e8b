"""Second-order objectives of small nets with batch norm, against PyTorch with norms of composite operations."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.layers import BatchNorm, Conv2d, ConvTranspose2d, LeakyReLU, Linear, ReLU, Reshape, SiLU, Softplus, Tanh
from tinygan.objectives.penalties import (
    gradient_penalty,
    interpolate,
    laplace_beltrami,
    one_centred,
    orthonormal,
    orthonormal_l1,
    path_length,
    perturb,
    through_jvp,
    zero_centred,
)

from .twins import HALF, SECOND, agree, batch_norm, conv2d, conv_transpose2d, cut, gradients, push_tangents, tensors

torch = pytest.importorskip("torch")
F = torch.nn.functional

N, LATENT = 5, 6
D = Net(
    Conv2d(3, 4, 4, stride=2, pad=1),
    LeakyReLU(0.2),
    Conv2d(4, 6, 4, stride=2, pad=1, bias=False),
    BatchNorm(6),
    SiLU(),
    Reshape(24),
    Linear(24, 1),
)
G = Net(
    Linear(LATENT, 24, bias=False),
    Reshape(2, 2, 6),
    BatchNorm(6),
    Softplus(),
    ConvTranspose2d(6, 4, 4, stride=2, pad=1, bias=False),
    BatchNorm(4),
    ReLU(),
    ConvTranspose2d(4, 3, 4, stride=2, pad=1),
    Tanh(),
)


def critic(theta, x):
    w1, b1, w2, gamma, beta, w, b = cut(D, theta)
    h = F.leaky_relu(conv2d(x, w1, b1, **HALF), 0.2)
    h = F.silu(batch_norm(conv2d(h, w2, **HALF), gamma, beta))
    return F.linear(h.flatten(1), w, b)


def generator(theta, z):
    w, gamma1, beta1, w1, gamma2, beta2, w2, b2 = cut(G, theta)
    h = F.softplus(batch_norm(F.linear(z, w).view(-1, 2, 2, 6), gamma1, beta1))
    h = torch.relu(batch_norm(conv_transpose2d(h, w1, **HALF), gamma2, beta2))
    return torch.tanh(conv_transpose2d(h, w2, b2, **HALF))


@pytest.fixture
def place():
    """θ_D, θ_G, real images, latents and a generator."""
    rng = np.random.default_rng(0)
    theta_D, theta_G = (net.init(rng, np.float64) + 0.2 * rng.normal(size=net.size) for net in (D, G))
    return theta_D, theta_G, rng.uniform(-1, 1, size=(N, 8, 8, 3)), rng.normal(size=(N, LATENT)), rng


def norms_of_pullback(f, theta, x, u):
    """‖Jᵀu‖ of each sample, differentiable."""
    (g,) = torch.autograd.grad(f(theta, x), x, u, create_graph=True)
    return g.flatten(1).norm(dim=1)


def gram(theta, z, s):
    """The entries of JᵀJ − s²I, (N, K, K)."""
    T = push_tangents(lambda q: generator(theta, q), z, basis(z.detach())).flatten(2)
    return torch.einsum("knd,lnd->nkl", T, T) - s * s * torch.eye(LATENT, dtype=T.dtype)


def basis(z):
    """e_k at every sample, (K, N, LATENT)."""
    return torch.eye(LATENT, dtype=z.dtype)[:, None].repeat(1, N, 1)


@pytest.mark.parametrize(
    ("points", "objective", "formula"),
    [
        pytest.param(lambda real, fake, rng: real, zero_centred, lambda n: 0.5 * n.pow(2).mean(), id="r1"),
        pytest.param(lambda real, fake, rng: fake, zero_centred, lambda n: 0.5 * n.pow(2).mean(), id="r2"),
        pytest.param(interpolate, one_centred, lambda n: (n - 1).pow(2).mean(), id="wgan-gp"),
        pytest.param(
            lambda real, fake, rng: perturb(real, rng), one_centred, lambda n: (n - 1).pow(2).mean(), id="dragan"
        ),
    ],
)
def test_gradient_penalties_are_those_of_double_backward(points, objective, formula, place):
    theta, theta_G, real, z, rng = place
    x = points(real, G.forward(theta_G, z)[0], rng)
    value, ours = gradient_penalty(D, theta, x, objective)
    weights, at = tensors(theta, x)
    theirs = formula(norms_of_pullback(critic, weights, at, torch.ones((N, 1), dtype=at.dtype)))
    g, gx = gradients(theirs, weights, at)
    agree(SECOND, value=(value, theirs.detach()), gtheta=(ours.theta, g), gx=(ours.x, gx))


def test_path_length_is_that_of_double_backward(place):
    _, theta, real, z, _ = place
    value, length, ours = path_length(G, theta, z, 0.7, np.random.default_rng(5))
    image = np.random.default_rng(5).standard_normal(real.shape) / 8  # sqrt of 8x8 pixels
    weights, at = tensors(theta, z)
    lengths = norms_of_pullback(generator, weights, at, torch.tensor(image))
    theirs = (lengths - 0.7).pow(2).mean()
    g, gz = gradients(theirs, weights, at)
    agree(
        SECOND,
        value=(value, theirs.detach()),
        length=(length, lengths.mean().detach()),
        gtheta=(ours.theta, g),
        gz=(ours.x, gz),
    )


@pytest.mark.parametrize(
    ("objective", "formula"),
    [
        pytest.param(orthonormal, lambda M: M.pow(2).sum() / N, id="squared"),
        pytest.param(orthonormal_l1, lambda M: M.abs().mean(), id="l1"),
    ],
)
def test_orthonormality_is_that_of_forward_over_reverse(objective, formula, place):
    _, theta, _, z, _ = place
    weights, at = tensors(theta, z)
    value, ours = through_jvp(G, theta, z, basis(at).numpy(), objective(0.8))
    theirs = formula(gram(weights, at, 0.8))
    g, gz = gradients(theirs, weights, at)
    agree(SECOND, value=(value, theirs.detach()), gtheta=(ours.theta, g), gz=(ours.x, gz))


def test_laplace_beltrami_has_the_gradients_of_both_nets(place):
    theta_D, theta_G, _, z, _ = place
    weights_D, weights_G, at = tensors(theta_D, theta_G, z)
    image, image_dot, saved = G.jvp(theta_G, z, basis(at).numpy())
    value, ours = through_jvp(D, theta_D, image, image_dot, laplace_beltrami)
    ours_G = G.backward(theta_G, saved, ours.x, ours.x_dot)
    along = push_tangents(lambda q: critic(weights_D, generator(weights_G, q)), at, basis(at))
    theirs = along.pow(2).sum() / N
    g_D, g_G, gz = gradients(theirs, weights_D, weights_G, at)
    agree(
        SECOND,
        value=(value, theirs.detach()),
        gtheta_D=(ours.theta, g_D),
        gtheta_G=(ours_G.theta, g_G),
        gz=(ours_G.x, gz),
    )
