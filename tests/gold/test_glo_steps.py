"""Whole steps of generative latent optimisation against autograd: Lap₁ by torch's convolutions, Adam and SGD by torch.optim."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.systems.glo import GLO, Settings

from .game_twin import STEPS, moments
from .twins import HALF, SECOND, F, agree, batch_norm, conv_transpose2d, cut, doubled, tensors, torch

SHAPE, N, LATENT, IMAGES = (12, 12, 1), 6, 5, 9
LEVELS = 3  # 12, 6, 3, 2
KERNEL = torch.tensor([1.0, 4, 6, 4, 1]).double() / 16


def blur(x):
    """The binomial filter on (N, 1, H, W), mirrored at the border."""
    kernel = torch.outer(KERNEL, KERNEL)[None, None]
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel)


def expand(x, like):
    wide = torch.zeros_like(like)
    wide[:, :, ::2, ::2] = x
    return 4 * blur(wide)


def lap1(y, x):
    """Σⱼ 4ʲ |Lʲ(y) − Lʲ(x)|₁, of each image's sum the mean over its pixels and over images."""
    gap, total = (y - x).movedim(-1, 1), 0.0
    for j in range(LEVELS):
        coarse = blur(gap)[:, :, ::2, ::2]
        total = total + 4**j * (gap - expand(coarse, gap)).abs().sum()
        gap = coarse
    return (total + 4**LEVELS * gap.abs().sum()) / x.numel()


def generator(net, theta, z):
    w, *hidden, last, bias = cut(net, theta)
    h = F.linear(z, w).view(len(z), 3, 3, -1)
    for gamma, beta, w in (hidden[:3], [*hidden[3:], last]):
        h = conv_transpose2d(F.relu(batch_norm(h, gamma, beta)), w, **HALF)
    return torch.tanh(h + bias)


@pytest.mark.parametrize("loss", ["lap1", "l2"])
def test_steps_are_those_of_autograd(loss):
    adam = Adam(lr=1e-2, b1=0.8, b2=0.99)
    settings = Settings(images=IMAGES, latent=LATENT, width=4, loss=loss, lr_z=30.0, adam_G=adam)
    recipe = GLO(settings, Sample(SHAPE))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    state = state._replace(G=state.G + 0.1 * draw.normal(size=state.G.shape))
    G, Z = tensors(state.G, state.Z)
    adam_G = torch.optim.Adam([G], lr=1e-2, betas=(0.8, 0.99), eps=adam.eps)
    sgd_Z = torch.optim.SGD([Z], lr=30.0)
    for _ in range(STEPS + 1):
        index = np.append(draw.permutation(IMAGES)[: N - 1], 0)  # one may be there twice
        x = draw.uniform(-1, 1, size=(N, *SHAPE))
        state, log = recipe.step(state, Batch(x, {"index": index}), draw)
        y = generator(recipe.G, G, Z[torch.tensor(index)])
        target = torch.tensor(x)
        value = lap1(y, target) if loss == "lap1" else F.mse_loss(y, target)
        G.grad, Z.grad = torch.autograd.grad(value, (G, Z))
        adam_G.step()
        sgd_Z.step()
        with torch.no_grad():
            rows = torch.tensor(np.unique(index))
            Z[rows] = Z[rows] / Z[rows].norm(dim=1, keepdim=True).clamp(min=1)
        m, v = moments(adam_G)
        agree(
            SECOND,
            G=(state.G, G.detach()),
            Z=(state.Z, Z.detach()),
            m=(state.G_memory.m, m),
            v=(state.G_memory.v, v),
            loss=(np.float64(log["loss"]), value.detach()),
        )
