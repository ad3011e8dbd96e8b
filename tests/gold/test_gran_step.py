"""Whole steps of GRAN, against autograd through the loop over its steps and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Sample
from tinygan.models import gran
from tinygan.objectives.penalties import through_jvp
from tinygan.optim import Adam
from tinygan.recipes.systems.gran import GRAN, Settings

from .game_nets import Convolutional, Norms
from .game_twin import AVERAGE, follow
from .twins import HALF, SECOND, F, agree, conv2d, conv_transpose2d, cut, gradients, push_tangents, tensors, torch

SHAPE, LATENT, WIDTH = (12, 12, 3), 5, 4


def painted(arrays, z, steps, norm):
    """tanh(Σ ΔC_t) as the paper has it, by the arrays of θ in their order: W, f, g."""
    w, gamma, beta, *rest = arrays
    f, g = rest[:8], rest[8:]
    h_z = torch.tanh(norm(F.linear(z, w), gamma, beta))
    h, canvas = torch.zeros_like(h_z), 0.0
    for t in range(steps):
        w, gamma1, beta1, w1, gamma2, beta2, w2, b2 = f
        x = F.linear(torch.cat([h_z, h], 1), w).view(len(z), 3, 3, -1)
        x = conv_transpose2d(torch.relu(norm(x, gamma1, beta1)), w1, **HALF)
        x = conv_transpose2d(torch.relu(norm(x, gamma2, beta2)), w2, b2, **HALF)
        canvas = canvas + x
        if t + 1 < steps:
            w1, gamma1, beta1, w2, gamma2, beta2, w, gamma, beta = g
            x = torch.relu(norm(conv2d(x, w1, **HALF), gamma1, beta1))
            x = torch.relu(norm(conv2d(x, w2, **HALF), gamma2, beta2))
            h = torch.tanh(norm(F.linear(x.flatten(1), w), gamma, beta))
    return torch.tanh(canvas)


class Twin(Convolutional):
    """The same system in torch."""

    def generator(self, row):
        norm = Norms()
        x = painted(cut(self.recipe.G, self.G), row, self.settings.steps, norm)
        return x, norm.after(self.G_running)


@pytest.mark.parametrize(
    "options", [{"steps": 1}, {"steps": 3}, {"steps": 3, "norm_D": "none", "penalty": "r1"}], ids=str
)
def test_steps_of_the_recipe_are_those_of_autograd_and_adam(options):
    adam = {"adam_G": Adam(lr=1e-2, b1=0.5, b2=0.9), "adam_D": Adam(lr=2e-2, b1=0.4, b2=0.99)}
    follow(GRAN(Settings(latent=LATENT, width=WIDTH, ema=AVERAGE, **adam, **options), Sample(SHAPE)), Twin)


def test_the_gradients_of_a_loss_on_tangents_through_three_steps_are_those_of_torch():
    rng, net = np.random.default_rng(0), gran.generator(SHAPE, LATENT, WIDTH, 3)
    theta = net.init(rng, np.float64)
    theta += 0.1 * rng.normal(size=theta.shape)
    z, z_dot = rng.normal(size=(6, LATENT)), rng.normal(size=(2, 6, LATENT))
    value, ours = through_jvp(
        net, theta, z, z_dot, lambda y, y_dot: ((y**2).sum() + (y_dot**4).sum(), 2 * y, 4 * y_dot**3)
    )
    weights, at, way = tensors(theta, z, z_dot)

    def f(x):
        return painted(cut(net, weights), x, 3, Norms())

    theirs = f(at).pow(2).sum() + push_tangents(f, at, way).pow(4).sum()
    g, gx, gx_dot = gradients(theirs, weights, at, way)
    agree(SECOND, value=(value, theirs.detach()), gtheta=(ours.theta, g), gx=(ours.x, gx), gx_dot=(ours.x_dot, gx_dot))
