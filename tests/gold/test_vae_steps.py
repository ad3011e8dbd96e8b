"""Whole steps of the variational autoencoder, against autograd, torch.distributions and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.systems.vae import VAE, Settings

from .game_twin import STEPS, N, moments
from .twins import SECOND, F, agree, cut, doubled, tensors, torch

SHAPE, LATENT = (12, 10, 1), 5


def perceptron(net, theta, x):
    w1, b1, w2, b2 = cut(net, theta)
    return F.linear(torch.relu(F.linear(x.flatten(1), w1, b1)), w2, b2)


@pytest.mark.parametrize("binarise", ["sampled", "threshold", "none"])
def test_steps_are_those_of_autograd_and_adam(binarise):
    adam = Adam(lr=1e-2, b1=0.8, b2=0.99)
    recipe = VAE(Settings(latent=LATENT, width=9, binarise=binarise, adam=adam), Sample(SHAPE))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    E, G = tensors(state.E, state.G)
    adam_E, adam_G = (torch.optim.Adam([theta], lr=1e-2, betas=(0.8, 0.99), eps=adam.eps) for theta in (E, G))
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    normal, prior = torch.distributions.Normal, torch.distributions.Normal(torch.zeros(()).double(), 1.0)
    for _ in range(STEPS + 1):
        x = draw.uniform(-1, 1, size=(N, *SHAPE))
        state, log = recipe.step(state, Batch(x, {}), rng)
        p = torch.tensor((x + 1) / 2)
        if binarise != "none":
            p = (p > (torch.tensor(same.random(x.shape)) if binarise == "sampled" else 0.5)).double()
        mu, log_var = perceptron(recipe.E, E, p).chunk(2, 1)
        z = mu + (log_var / 2).exp() * torch.tensor(same.standard_normal((N, LATENT), np.float32)).double()
        d = perceptron(recipe.G, G, z)
        reconstruction = F.binary_cross_entropy_with_logits(d, p.flatten(1), reduction="sum") / N
        KL = torch.distributions.kl_divergence(normal(mu, (log_var / 2).exp()), prior).sum() / N
        E.grad, G.grad = torch.autograd.grad(reconstruction + KL, (E, G))
        adam_E.step(), adam_G.step()
        pairs = {"E": (state.E, E.detach()), "G": (state.G, G.detach())}
        for name, ours, theirs in (("E", state.E_memory, adam_E), ("G", state.G_memory, adam_G)):
            m, v = moments(theirs)
            pairs |= {f"m_{name}": (ours.m, m), f"v_{name}": (ours.v, v)}
        told = ((log[name], value.item()) for name, value in (("reconstruction", reconstruction), ("KL", KL)))
        agree(SECOND, **pairs, losses=tuple(np.array(a) for a in zip(*told, strict=True)))
