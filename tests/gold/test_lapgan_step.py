"""A whole step of LAPGAN, two levels in one, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.images.pyramid import build, enlarged
from tinygan.optim import Adam
from tinygan.recipes.systems.lapgan import LAPGAN, Settings

from .game_twin import moments
from .twins import SECOND, F, agree, cut, doubled, tensors, torch

N, H, W, KINDS, WIDTH, LATENT = 3, 12, 10, 3, 2, 4
ADAM_G, ADAM_D = Adam(lr=1e-2, b1=0.5, b2=0.9), Adam(lr=2e-2, b1=0.4, b2=0.99)


def weight(w):
    """(kh, kw, I, O) as torch has it."""
    return w.permute(3, 2, 0, 1)


def image(row):
    return row.reshape(N, 1, H, W)


def fine_G(net, theta, coarse, c, z):
    p = iter(cut(net, theta))
    planes = [image(coarse)] + ([image(F.relu(F.linear(c, next(p), next(p))))] if c.shape[1] else []) + [image(z)]
    x = F.relu(F.conv2d(torch.cat(planes, 1), weight(next(p)), next(p), padding=3))
    x = F.relu(F.conv2d(x, weight(next(p)), next(p), padding=3))
    return F.conv2d(x, weight(next(p)), next(p), padding=2)


def fine_D(net, theta, x, c):
    p = iter(cut(net, theta))
    x = torch.cat([x, c[:, :, None, None].expand(N, c.shape[1], H, W)], 1)
    for _ in range(2):
        x = F.leaky_relu(F.conv2d(x, weight(next(p)), next(p), stride=2, padding=2), 0.2)
    return F.linear(x.permute(0, 2, 3, 1).flatten(1), next(p), next(p))


@pytest.mark.parametrize("told", [False, True])
def test_the_step_of_the_finer_level_is_that_of_autograd_and_adam(told):
    settings = Settings(levels=1, width=WIDTH, latent=LATENT, dropout=0.0, classes=told, adam_G=ADAM_G, adam_D=ADAM_D)
    recipe = LAPGAN(settings, Sample((H, W, 1), KINDS))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    level, before = recipe.levels[0], state.levels[0]
    x, label = draw.uniform(-1, 1, (N, H, W, 1)), draw.integers(KINDS, size=N)
    new, log = recipe.step(state, Batch(x, {"class": label}), np.random.default_rng(2))
    rng = np.random.default_rng(2)
    recipe.levels[1].noise(N, rng)  # the coarse level draws first
    z = torch.tensor(level.noise(N, rng)).double()
    coarse = torch.tensor(enlarged(build(x, 1)[1], H, W)).reshape(N, -1)
    c = torch.eye(KINDS).double()[label] if told else torch.zeros(N, 0).double()
    D, G = tensors(before.D, before.G)
    opts = [
        torch.optim.Adam([theta], lr=a.lr, betas=(a.b1, a.b2), eps=a.eps) for theta, a in ((D, ADAM_D), (G, ADAM_G))
    ]
    fake = image(coarse) + fine_G(level.G, G, coarse, c, z)
    real = image(torch.tensor(x).reshape(N, -1))
    loss_D = F.softplus(-fine_D(level.D, D, real, c)).mean() + F.softplus(fine_D(level.D, D, fake.detach(), c)).mean()
    D.grad = torch.autograd.grad(loss_D, D)[0]
    opts[0].step()
    loss_G = F.softplus(-fine_D(level.D, D, fake, c)).mean()
    G.grad = torch.autograd.grad(loss_G, G)[0]
    opts[1].step()
    after = new.levels[0]
    pairs = {"D": (after.D, D.detach()), "G": (after.G, G.detach())}
    for name, ours, theirs in (("D", after.D_memory, opts[0]), ("G", after.G_memory, opts[1])):
        m, v = moments(theirs)
        pairs |= {f"m_{name}": (ours.m, m), f"v_{name}": (ours.v, v)}
    agree(
        SECOND, **pairs, losses=(np.array([log["loss_D_0"], log["loss_G_0"]]), np.array([loss_D.item(), loss_G.item()]))
    )
