"""Whole steps of the normalising flow, against autograd, torch.distributions and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.systems.flow import Flow, Settings

from .game_twin import STEPS, N, moments
from .twins import SECOND, F, agree, cut, doubled, tensors, torch


def log_p(net, theta, x):
    d, p, logdet = x.shape[1], iter(cut(net, theta)), 0.0
    for i in range(3):
        kept = d // 2 if i % 2 == 0 else d - d // 2
        a, b = (x[:, :kept], x[:, kept:]) if i % 2 == 0 else (x[:, d - kept :], x[:, : d - kept])
        h = a
        for _ in range(2):
            h = torch.tanh(F.linear(h, next(p), next(p)))
        s = torch.tanh(F.linear(h, next(p), next(p)))
        b = b * s.exp() + F.linear(h, next(p), next(p))
        x = torch.cat([a, b] if i % 2 == 0 else [b, a], 1)
        logdet = logdet + s.sum(1)
    return torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1) + logdet


@pytest.mark.parametrize("d", [2, 5])
def test_steps_are_those_of_autograd_and_adam(d):
    recipe = Flow(Settings(couplings=3, width=6, adam=Adam(lr=1e-2, b1=0.8, b2=0.99)), Sample((d,)))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    (theta,) = tensors(state.F)
    adam = torch.optim.Adam([theta], lr=1e-2, betas=(0.8, 0.99), eps=recipe.settings.adam.eps)
    for _ in range(STEPS + 1):
        x = draw.normal(size=(N, d))
        state, log = recipe.step(state, Batch(x, {}), draw)
        loss = -log_p(recipe.F, theta, torch.tensor(x)).mean()
        theta.grad = torch.autograd.grad(loss, theta)[0]
        adam.step()
        m, v = moments(adam)
        pairs = {"F": (state.F, theta.detach()), "m": (state.memory.m, m), "v": (state.memory.v, v)}
        agree(SECOND, **pairs, loss=(np.array(log["NLL"]), np.array(loss.item())))
