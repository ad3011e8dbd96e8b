"""Whole steps of CycleGAN with its pools, against autograd, composite instance norms and torch.optim.Adam."""

import numpy as np

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.shared.replay import empty, replayed
from tinygan.recipes.systems.cyclegan import CycleGAN, Settings

from .game_twin import STEPS, moments
from .twins import SECOND, F, agree, cut, doubled, tensors, torch

N, H, W, WIDTH = 2, 12, 8, 2


def weight(w):
    return w.permute(3, 2, 0, 1).contiguous()


def normed(x, gamma, beta):
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
    return (x - mean) / (var + 1e-5).sqrt() * gamma[:, None, None] + beta[:, None, None]


def translate(net, theta, x):
    p = iter(cut(net, theta))
    x = F.relu(normed(F.conv2d(F.pad(x, (3,) * 4, "reflect"), weight(next(p))), next(p), next(p)))
    for _ in range(2):
        x = F.relu(normed(F.conv2d(x, weight(next(p)), stride=2, padding=1), next(p), next(p)))
    y = F.relu(normed(F.conv2d(F.pad(x, (1,) * 4, "reflect"), weight(next(p))), next(p), next(p)))
    x = x + normed(F.conv2d(F.pad(y, (1,) * 4, "reflect"), weight(next(p))), next(p), next(p))
    for _ in range(2):
        up = F.conv_transpose2d(x, weight(next(p)), stride=2, padding=1, output_padding=1)
        x = F.relu(normed(up, next(p), next(p)))
    return torch.tanh(F.conv2d(F.pad(x, (3,) * 4, "reflect"), weight(next(p)), next(p)))


def judge(net, theta, x):
    p = iter(cut(net, theta))
    x = F.leaky_relu(F.conv2d(x, weight(next(p)), next(p), stride=2, padding=1), 0.2)
    x = F.leaky_relu(normed(F.conv2d(x, weight(next(p)), stride=2, padding=1), next(p), next(p)), 0.2)
    return F.conv2d(x, weight(next(p)), next(p), padding=1)


def to_torch(x):
    return torch.tensor(x).permute(0, 3, 1, 2)


def to_numpy(x):
    return x.detach().permute(0, 2, 3, 1).numpy()


def test_steps_are_those_of_autograd_and_adam():
    adam_G, adam_D = Adam(lr=1e-2, b1=0.5, b2=0.9), Adam(lr=2e-2, b1=0.4, b2=0.99)
    recipe = CycleGAN(Settings(width=WIDTH, blocks=1, pool=3, adam_G=adam_G, adam_D=adam_D), Sample((H, W, 2)))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    thetas = dict(zip(recipe.nets, tensors(*(getattr(state, name) for name in recipe.nets)), strict=True))
    how = {name: adam_D if name[0] == "D" else adam_G for name in thetas}
    opts = {
        n: torch.optim.Adam([t], lr=how[n].lr, betas=(how[n].b1, how[n].b2), eps=how[n].eps) for n, t in thetas.items()
    }
    pools = {side: doubled(empty(3, (H, W, 1))) for side in "AB"}
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(STEPS):
        x = draw.uniform(-1, 1, (N, H, W, 2))
        state, log = recipe.step(state, Batch(x, {}), rng)
        a, b = to_torch(x[..., :1]), to_torch(x[..., 1:])

        def G(x):
            return translate(recipe.G, thetas["G"], x)

        def back(x):
            return translate(recipe.F, thetas["F"], x)

        fake = {"B": G(a), "A": back(b)}
        real = {"A": a, "B": b}
        game = sum(((judge(recipe.D_A, thetas[f"D_{side}"], fake[side]) - 1) ** 2).mean() / 2 for side in "AB")
        cycle = (back(fake["B"]) - a).abs().mean() + (G(fake["A"]) - b).abs().mean()
        kept = (G(b) - b).abs().mean() + (back(a) - a).abs().mean()
        grads = dict(
            zip("GF", torch.autograd.grad(game + 5 * cycle + 2.5 * kept, (thetas["G"], thetas["F"])), strict=True)
        )
        loss_D = 0.0
        for side in "AB":
            pools[side], seen = replayed(pools[side], to_numpy(fake[side]), same)
            d_real, d_fake = (judge(recipe.D_A, thetas[f"D_{side}"], v) for v in (real[side], to_torch(seen)))
            loss = ((d_real - 1) ** 2).mean() / 2 + (d_fake**2).mean() / 2
            grads[f"D_{side}"] = torch.autograd.grad(loss, thetas[f"D_{side}"])[0]
            loss_D += loss.item()
        for name, g in grads.items():
            thetas[name].grad = g
            opts[name].step()
        pairs = {name: (getattr(state, name), theta.detach()) for name, theta in thetas.items()}
        for name, opt in opts.items():
            m, v = moments(opt)
            memory = getattr(state, f"{name}_memory")
            pairs |= {f"m_{name}": (memory.m, m), f"v_{name}": (memory.v, v)}
        told = np.array([log["loss_D"], log["loss_G"], 2 * log["cycle"], 2 * log["identity"]])
        agree(SECOND, **pairs, told=(told, np.array([loss_D, game.item(), cycle.item(), kept.item()])))
