"""Whole steps of ScratchGAN, against autograd through LSTM cells, torch.distributions and torch.optim.Adam."""

import numpy as np

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.systems.scratchgan import ScratchGAN, Settings

from .game_twin import STEPS, moments
from .twins import SECOND, F, agree, cut, doubled, tensors, torch

N, T, TOKENS, WIDTH = 6, 5, 3, 4


def along(net, theta, x):
    """(N, T, out) of an LSTM and a linear map at every step."""
    w, b, w_out, b_out = cut(net, theta)
    h = c = torch.zeros(len(x), WIDTH).double()
    out = []
    for t in range(T):
        i, f, g, o = F.linear(torch.cat([x[:, t], h], 1), w, b).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        out.append(F.linear(h, w_out, b_out))
    return torch.stack(out, 1)


def test_steps_are_those_of_autograd_and_adam():
    adam_G, adam_D = Adam(lr=1e-2, b1=0.5, b2=0.9), Adam(lr=2e-2, b1=0.4, b2=0.99)
    settings = Settings(width_G=WIDTH, width_D=WIDTH, discount=0.7, follow=0.3, adam_G=adam_G, adam_D=adam_D)
    recipe = ScratchGAN(settings, Sample((T, TOKENS)))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    D, G = tensors(state.D, state.G)
    opt_D = torch.optim.Adam([D], lr=2e-2, betas=(0.4, 0.99), eps=adam_D.eps)
    opt_G = torch.optim.Adam([G], lr=1e-2, betas=(0.5, 0.9), eps=adam_G.eps)
    rng, same, b = np.random.default_rng(2), np.random.default_rng(2), 0.0
    for _ in range(STEPS):
        x = np.eye(TOKENS)[draw.integers(TOKENS, size=(N, T))]
        state, log = recipe.step(state, Batch(x, {}), rng)
        u, made = torch.tensor(same.random((N, T), np.float32)).double(), torch.zeros(N, T, TOKENS).double()
        log_pi = torch.zeros(N, T).double()
        for t in range(T):
            before = torch.cat([torch.zeros(N, 1, TOKENS).double(), made[:, :-1]], 1)
            pi = torch.distributions.Categorical(logits=along(recipe.G, G, before)[:, t])
            token = (u[:, t, None] >= pi.probs.cumsum(1)[:, :-1]).sum(1)
            made = made.index_put((torch.arange(N), torch.tensor(t), token), torch.ones(()).double())
            log_pi[:, t] = pi.log_prob(token)
        real, fake = along(recipe.D, D, torch.tensor(x)), along(recipe.D, D, made)
        loss_D = F.softplus(-real).mean() + F.softplus(fake).mean()
        r = (2 * fake.sigmoid() - 1).detach()[..., 0]
        R = torch.stack([sum(0.7 ** (s - t) * r[:, s] for s in range(t, T)) for t in range(T)], 1)
        D.grad = torch.autograd.grad(loss_D, D)[0]
        G.grad = torch.autograd.grad(-((R - b) * log_pi).sum() / N, G)[0]
        b = 0.7 * b + 0.3 * R.mean().item()
        opt_D.step(), opt_G.step()
        pairs = {"D": (state.D, D.detach()), "G": (state.G, G.detach())}
        for name, ours, theirs in (("D", state.D_memory, opt_D), ("G", state.G_memory, opt_G)):
            m, v = moments(theirs)
            pairs |= {f"m_{name}": (ours.m, m), f"v_{name}": (ours.v, v)}
        told = (np.array([log["loss_D"], state.baseline]), np.array([loss_D.item(), b]))
        agree(SECOND, **pairs, told=told)
