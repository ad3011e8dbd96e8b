"""Whole steps of sgan with every trick of Salimans et al. 2016 at once, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.shared.semi_supervised import ClassifierSettings
from tinygan.recipes.systems.sgan import SGAN, Settings

from .twins import SECOND, agree, batch_norm, cut, doubled, tensors

torch = pytest.importorskip("torch")
F = torch.nn.functional

SHAPE, CLASSES, LATENT, KNOWN, N, KERNELS, STEPS = (4, 4, 1), 3, 5, 4, 6, 3, 3
HISTORY, WEIGHT = 0.3, 0.7


def system_of(game, reference):
    judge = ClassifierSettings(
        labels=2,
        labelled=KNOWN,
        width=4,
        unlabelled=WEIGHT,
        net="noisy",
        noise=(0.0, 0.0),
        weight_norm=True,
        minibatch=KERNELS,
        game=game,
        adam=Adam(lr=1e-2, history=HISTORY),
    )
    adam = Adam(lr=1e-2, history=HISTORY)
    settings = Settings(judge, latent=LATENT, width=3, net="softplus", reference=reference, adam_G=adam)
    return SGAN(settings, Sample(SHAPE, CLASSES))


def normed(v, g):
    return g[:, None] * v / v.norm(dim=1, keepdim=True)


def classify(system, theta, x):
    """Features and logits of one batch."""
    p = iter(cut(system.classifier.f.net, theta))
    h = x.flatten(1)
    for _ in range(5):
        h = torch.relu(F.linear(h, normed(next(p), next(p)), next(p)))
    m = F.linear(h, normed(next(p), next(p))).view(len(h), KERNELS, -1)
    near = torch.exp(-(m[:, None] - m[None]).abs().sum(3)) * (1 - torch.eye(len(h), dtype=h.dtype))[..., None]
    f = torch.cat([h, near.sum(1)], 1)
    return f, F.linear(f, normed(next(p), next(p)), next(p))


def virtual_norm(reference):
    """A batch norm of the first rows, and of each other one with them."""

    def norm(h, gamma, beta):
        if not reference:
            return batch_norm(h, gamma, beta)
        first = h[:reference]
        sets = [torch.cat([first, row[None]]) for row in h[reference:]]
        return torch.cat([batch_norm(first, gamma, beta), *(batch_norm(s, gamma, beta)[-1:] for s in sets)])

    return norm


def generate(system, theta, rows, z):
    """G of z, the reference ``rows`` before it."""
    w1, gamma1, beta1, w2, gamma2, beta2, w, b = cut(system.G, theta)
    norm, h = virtual_norm(len(rows)), torch.cat([rows, z])
    h = F.softplus(norm(F.linear(h, w1), gamma1, beta1))
    h = F.softplus(norm(F.linear(h, w2), gamma2, beta2))
    return torch.tanh(F.linear(h, w, b))[len(rows) :].view(-1, *SHAPE)


def judged(system, C, known, labels, real, fake):
    """What the classifier minimises."""
    logits, of_real, of_fake = (classify(system, C, x)[1] for x in (known, real, fake))
    game = F.softplus(-of_real.logsumexp(1)).mean() / 2 + F.softplus(of_fake.logsumexp(1)).mean() / 2
    return F.cross_entropy(logits, labels) + WEIGHT * game


def generator_loss(system, game, C, real, fake):
    """What G minimises."""
    (f_real, _), (f_fake, logits) = classify(system, C, real), classify(system, C, fake)
    if game == "non-saturating":
        return F.softplus(-logits.logsumexp(1)).mean()
    gap = f_fake.mean(0) - f_real.mean(0)
    return gap.abs().mean() if game == "feature-matching" else gap.pow(2).mean()


@pytest.mark.parametrize("reference", [0, 3], ids=["batch norm", "virtual batch norm"])
@pytest.mark.parametrize("game", ["feature-matching", "squared-feature-matching", "non-saturating"])
def test_steps_with_every_trick_are_those_of_autograd_and_adam(game, reference):
    system, rng = system_of(game, reference), np.random.default_rng(0)
    state = doubled(system.init(rng))
    batches = [
        Batch(
            rng.uniform(-1, 1, (KNOWN + N, *SHAPE)),
            {"class": np.concatenate([rng.integers(0, CLASSES, KNOWN), np.full(N, -1)])},
        )
        for _ in range(STEPS)
    ]
    begun = system.classifier.prepare(state.judge, batches[0], rng)[
        0
    ].C  # by the first batch: tests/unit/test_tricks.py
    C, G = tensors(begun, state.G)
    rows = torch.tensor(state.G_running[-reference * LATENT :].reshape(-1, LATENT)) if reference else torch.zeros(0, 5)
    rows, past = rows.double(), [C.detach().clone(), G.detach().clone()]
    adams = [torch.optim.Adam([t], lr=1e-2, betas=(0.5, 0.999), eps=1e-8) for t in (C, G)]
    for step, batch in enumerate(batches):
        state, _ = system.step(state, batch, np.random.default_rng(step))
        z = torch.tensor(system.latents(N, np.random.default_rng(step)).astype(np.float64))
        known, real = torch.tensor(batch.x[:KNOWN]), torch.tensor(batch.x[KNOWN:])
        fake = generate(system, G, rows, z)
        labels = torch.tensor(batch.labels["class"][:KNOWN])
        loss = judged(system, C, known, labels, real, fake.detach()) + HISTORY * (C - past[0]).pow(2).sum()
        (C.grad,) = torch.autograd.grad(loss, C)
        adams[0].step()
        loss = generator_loss(system, game, C.detach(), real, fake) + HISTORY * (G - past[1]).pow(2).sum()
        (G.grad,) = torch.autograd.grad(loss, G)
        adams[1].step()
        past = [mean + (theta.detach() - mean) / (step + 2) for mean, theta in zip(past, (C, G), strict=True)]
        agree(
            SECOND,
            C=(state.judge.C, C.detach()),
            G=(state.G, G.detach()),
            past_C=(state.judge.memory.mean, past[0]),
            past_G=(state.G_memory.mean, past[1]),
            mean_of_C=(state.judge.memory.m, adams[0].state[C]["exp_avg"]),
            mean_of_G=(state.G_memory.m, adams[1].state[G]["exp_avg"]),
        )
