"""Whole steps of the semi-supervised Localized GAN, every term at once, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.shared.intrinsic import Intrinsic
from tinygan.recipes.shared.semi_supervised import ClassifierSettings
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.recipes.systems.lgan_semi import SemiLGAN, Settings

from .twins import HALF, SECOND, agree, batch_norm, conv2d, conv_transpose2d, cut, doubled, push_tangents, tensors

torch = pytest.importorskip("torch")
F = torch.nn.functional

SHAPE, CLASSES, CODE, LATENT, KNOWN, N = (8, 8, 1), 3, 5, 2, 4, 6
ALL = Orthonormal(eta=0.3, tangents=LATENT, samples=N + KNOWN, statistics="batch")
SETTINGS = Settings(
    latent=LATENT,
    code=CODE,
    width=4,
    mu=2.0,
    keep=0.5,
    adam_G=Adam(lr=1e-3),
    judge=ClassifierSettings(labels=2, labelled=KNOWN, width=3, dropout=0.0, unlabelled=0.7),
    intrinsic=Intrinsic(weight=0.2, tangents=LATENT, samples=N, trains="both"),
    orthonormal=ALL,
)


def features(system, theta, x):
    w1, b1, w2, b2, w3, b3, w, b = cut(system.classifier.f.net, theta)
    h = F.leaky_relu(conv2d(x, w1, b1, **HALF), 0.1)
    h = F.leaky_relu(conv2d(h, w2, b2, padding=1), 0.1)
    return F.leaky_relu(F.linear(h.flatten(1), w3, b3), 0.1), w, b


def classify(system, theta, x):
    f, w, b = features(system, theta, x)
    return F.linear(f, w, b)


def encode(system, theta, x):
    w1, b1, w, b = cut(system.G.E, theta)
    return F.linear(F.leaky_relu(conv2d(x, w1, b1, **HALF), 0.2).flatten(1), w, b)


def decode(system, theta, at):
    w, gamma, beta, w1, b1 = cut(system.G.F, theta)
    h = F.linear(at, w).view(len(at), 4, 4, -1)
    return torch.tanh(conv_transpose2d(torch.relu(batch_norm(h, gamma, beta)), w1, b1, **HALF))


def log_p(logits):
    """log P(k | x), k <= K, of K + 1 classes, the last with the logit 0."""
    return F.log_softmax(F.pad(logits, (0, 1)), dim=1)[:, :-1]


def losses(system, C, E, G, x, labels, z):
    """What the classifier minimises, and what G does with the classifier held; ``x`` has the unlabelled first."""
    code = encode(system, E, x)
    at_0 = torch.cat([code, torch.zeros_like(z)], 1)
    moved, still = decode(system, G, torch.cat([code, z], 1)), decode(system, G, at_0)
    known, real, fake = classify(system, C, x[N:]), classify(system, C, x[:N]), classify(system, C, moved[:N].detach())
    game = F.softplus(-real.logsumexp(1)).mean() / 2 + F.softplus(fake.logsumexp(1)).mean() / 2
    e = torch.cat([torch.zeros(LATENT, len(x), CODE), torch.eye(LATENT)[:, None].repeat(1, len(x), 1)], 2).to(x.dtype)

    def along(at):
        return log_p(classify(system, C, decode(system, G, at)))

    intrinsic = 0.2 * push_tangents(along, at_0[:N], e[:, :N]).pow(2).sum() / N
    tau = push_tangents(lambda at: decode(system, G, at), at_0, e).flatten(2)
    gram = torch.einsum("knd,lnd->nkl", tau, tau) - torch.eye(LATENT, dtype=x.dtype)
    constraint = 2.0 * (still - x).abs().mean() + 0.3 * gram.pow(2).sum() / len(x)
    return F.cross_entropy(known, labels) + 0.7 * game + intrinsic, constraint + intrinsic, moved, still


def judged(system, C, x, labels, moved, still):
    """The terms of G that the classifier gives after its own step."""
    match = (features(system, C, moved[:N])[0].mean(0) - features(system, C, x[:N])[0].mean(0)).abs().mean()
    return match + 0.5 * F.cross_entropy(classify(system, C, still[N:]), labels)


def test_steps_with_every_term_are_those_of_autograd_and_adam():
    system = SemiLGAN(SETTINGS, Sample(SHAPE, CLASSES))
    rng = np.random.default_rng(0)
    state = doubled(system.init(rng))
    local = state.local
    C, E, G = tensors(state.judge.C, local.E, local.F)
    adams = [torch.optim.Adam([t], lr=1e-3, betas=(0.5, 0.999), eps=1e-8) for t in (C, E, G)]
    for step in range(2):
        x, labels = rng.uniform(-1, 1, (N + KNOWN, *SHAPE)), rng.integers(0, CLASSES, KNOWN)
        noise = np.random.default_rng(step)
        z = torch.tensor(system.G.latents(N + KNOWN, noise).astype(np.float64))
        batch = Batch(np.concatenate([x[N:], x[:N]]), {"class": np.concatenate([labels, np.full(N, -1)])})
        state, _ = system.step(state, batch, np.random.default_rng(step))
        at, classes = torch.tensor(x), torch.tensor(labels)
        of_C, of_G, moved, still = losses(system, C, E, G, at, classes, z)
        (C.grad,) = torch.autograd.grad(of_C, C, retain_graph=True)
        first = torch.autograd.grad(of_G, (E, G), retain_graph=True)
        adams[0].step()
        second = torch.autograd.grad(judged(system, C.detach(), at, classes, moved, still), (E, G))
        E.grad, G.grad = (a + b for a, b in zip(first, second, strict=True))
        adams[1].step()
        adams[2].step()
        agree(
            SECOND,
            C=(state.judge.C, C.detach()),
            E=(state.local.E, E.detach()),
            F=(state.local.F, G.detach()),
            mean_of_C=(state.judge.memory.m, adams[0].state[C]["exp_avg"]),
            mean_of_E=(state.local.E_memory.m, adams[1].state[E]["exp_avg"]),
            mean_of_F=(state.local.F_memory.m, adams[2].state[G]["exp_avg"]),
        )
