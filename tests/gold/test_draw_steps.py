"""Whole steps of DRAW, against its equations in PyTorch, autograd through time and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.systems.draw import DRAW, Settings

from .game_twin import STEPS, N, moments
from .twins import SECOND, F, agree, cut, doubled, tensors, torch

SHAPE, T, LATENT, WIDTH = (6, 5, 2), 4, 3, 7
B, A, C = SHAPE
READ, WRITE = 3, 2


def cell(w, b, x, s):
    """[h, c] after one step of torch's own LSTM."""
    module = torch.nn.LSTMCell(x.shape[1], WIDTH).double()
    names = [name for name, _ in module.named_parameters()]
    weights = dict(zip(names, (w[:, : x.shape[1]], w[:, x.shape[1] :], b, torch.zeros_like(b)), strict=True))
    return torch.cat(torch.func.functional_call(module, weights, (x, s.chunk(2, 1))), 1)


def filters(n, m):
    """F_Y (N, n, B), F_X (N, n, A) and γ of the paper's eqs. 19-26, i from 1."""
    gx, gy, log_var, log_stride, log_gamma = m.unbind(1)
    delta = (max(A, B) - 1) / (n - 1) * log_stride.exp()

    def bank(centre, size):
        mu = torch.stack([(size + 1) / 2 * (centre + 1) + (i - n / 2 - 0.5) * delta for i in range(1, n + 1)], dim=1)
        at = torch.arange(1, size + 1, dtype=m.dtype)
        bells = torch.exp(-((at - mu[..., None]) ** 2) / (2 * log_var.exp()[:, None, None]))
        return bells / bells.sum(dim=2, keepdim=True)

    return bank(gy, B), bank(gx, A), log_gamma.exp()


class Twin:
    def __init__(self, recipe, state):
        self.recipe, self.attention = recipe, recipe.settings.attention
        self.theta = dict(zip(("X", "E", "G", "start"), tensors(state.X, state.E, state.G, state.start), strict=True))
        adam = recipe.settings.adam
        self.adam = {
            name: torch.optim.Adam([theta], lr=adam.lr, betas=(adam.b1, adam.b2), eps=adam.eps)
            for name, theta in self.theta.items()
        }

    def read(self, weights, pair, h):
        if not self.attention:
            return torch.cat([image.flatten(1) for image in pair.split(C, 3)], 1), weights
        m_w, m_b, *rest = weights
        FY, FX, gamma = filters(READ, F.linear(h, m_w, m_b))
        return torch.einsum("n,nib,nbac,nja->nijc", gamma, FY, pair, FX).flatten(1), rest

    def write(self, weights, h):
        w, b, *window = weights
        patch = F.linear(h, w, b)
        if not self.attention:
            return patch
        FY, FX, gamma = filters(WRITE, F.linear(h, *window))
        return torch.einsum("n,nib,nijc,nja->nbac", 1 / gamma, FY, patch.view(N, WRITE, WRITE, C), FX).flatten(1)

    def step(self, p, eps):
        """The two terms of −ELBO, of which every weight takes a step; the first batch says where the canvas begins."""
        if not self.adam["start"].state:
            on = p.flatten(1).sum(0)
            self.theta["start"].data[4 * WIDTH :] = ((on + 1) / (N - on + 1)).log()
        X, E, (lstm_w, lstm_b, *G) = (cut(net, self.theta[name]) for name, net in self.recipe.nets.items())
        if X:  # its columns of the LSTM's weight come first
            E = [torch.cat([*X, E[0]], 1), *E[1:]]
        s_e, s_d, c = self.theta["start"].expand(N, -1).split([2 * WIDTH, 2 * WIDTH, A * B * C], 1)
        KL = 0.0
        for t in range(T):
            h = s_d[:, :WIDTH]
            r, (w, b, code_w, code_b) = self.read(E, torch.cat([p, p - c.sigmoid().view(N, *SHAPE)], 3), h)
            s_e = cell(w, b, torch.cat([r, h], 1), s_e)
            mu, log_var = F.linear(s_e[:, :WIDTH], code_w, code_b).chunk(2, 1)
            KL = KL + (mu**2 + log_var.exp() - log_var).sum() / (2 * N) - LATENT / 2
            s_d = cell(lstm_w, lstm_b, mu + (log_var / 2).exp() * eps[:, t], s_d)
            c = c + self.write(G, s_d[:, :WIDTH])
        reconstruction = F.binary_cross_entropy_with_logits(c, p.flatten(1), reduction="sum") / N
        leaves = list(self.theta.values())
        grads = torch.autograd.grad(reconstruction + KL, leaves, allow_unused=True, materialize_grads=True)
        for (name, theta), g in zip(self.theta.items(), grads, strict=True):
            theta.grad = g
            self.adam[name].step()
        return reconstruction.item(), KL.item()


@pytest.mark.parametrize("attention", [True, False], ids=["windows", "whole images"])
def test_steps_are_those_of_autograd_and_adam(attention):
    own = {"glimpses": T, "latent": LATENT, "width": WIDTH, "read": READ, "write": WRITE, "attention": attention}
    recipe = DRAW(Settings(**own, adam=Adam(lr=1e-2, b1=0.8, b2=0.99)), Sample(SHAPE))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    moved = {name: getattr(state, name) + 0.2 * draw.normal(size=getattr(state, name).shape) for name in recipe.nets}
    state = state._replace(start=0.3 * draw.normal(size=state.start.shape), **moved)
    twin = Twin(recipe, state)
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(STEPS + 1):
        x = draw.uniform(-1, 1, size=(N, *SHAPE))
        state, log = recipe.step(state, Batch(x, {}), rng)
        p = ((torch.tensor((x + 1) / 2)) > torch.tensor(same.random(x.shape))).double()
        told = twin.step(p, torch.tensor(same.standard_normal((N, T, LATENT), np.float32)).double())
        pairs = {"losses": (np.array([log["reconstruction"], log["KL"]]), np.array(told))}
        for name, theta in twin.theta.items():
            m, v = moments(twin.adam[name])
            memory = getattr(state, f"{name}_memory")
            pairs |= {
                name: (getattr(state, name), theta.detach()),
                f"m_{name}": (memory.m, m),
                f"v_{name}": (memory.v, v),
            }
        agree(SECOND, **pairs)
