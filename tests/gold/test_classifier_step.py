"""Whole steps of the classifier, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam, Schedule
from tinygan.recipes.systems.classifier import ClassifierRecipe, Settings

from .twins import SECOND, agree, batch_norm, conv2d, cut, doubled, on_images, tensors

torch = pytest.importorskip("torch")
F = torch.nn.functional

N, SHAPE, CLASSES, STEPS, SMOOTHING, MOMENTUM = 6, (8, 12, 3), 5, 4, 0.1, 0.1
halved = on_images(lambda h: F.avg_pool2d(h, 2))


def logits(net, theta, x):
    """The logits, and the statistics of the batch before each norm."""
    *blocks, w, b = cut(net, theta)
    statistics = []
    for i in range(5):
        kernel, gamma, beta = blocks[3 * i : 3 * i + 3]
        h = conv2d(x, kernel, padding=1)
        h = halved(h) if i in (1, 3) else h
        flat = h.detach().flatten(0, -2)
        statistics += [flat.mean(0), flat.var(0)]
        x = torch.relu(batch_norm(h, gamma, beta))
    return F.linear(x.mean((1, 2)), w, b), torch.cat(statistics)


def test_steps_of_the_recipe_are_those_of_autograd_and_adam():
    schedule = Schedule("cosine", over=STEPS, end=0.0)
    settings = Settings(width=2, smoothing=SMOOTHING, shift=0, ema=0.25, adam=Adam(lr=1e-2, b1=0.9, schedule=schedule))
    recipe = ClassifierRecipe(settings, Sample(SHAPE, CLASSES))
    rng = np.random.default_rng(0)
    state = doubled(recipe.init(rng))
    (theta,), average, running = tensors(state.f), torch.tensor(state.f), torch.tensor(state.running)
    adam = torch.optim.Adam([theta], lr=1e-2, betas=(0.9, 0.999), eps=1e-8)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    for step in range(STEPS):
        x, label = rng.uniform(-1, 1, (N, *SHAPE)), rng.integers(0, CLASSES, N)
        state, log = recipe.step(state, Batch(x, {"class": label}), rng)
        d, statistics = logits(recipe.f.net, theta, torch.tensor(x))
        loss = F.cross_entropy(d, torch.tensor(label), label_smoothing=SMOOTHING)
        (theta.grad,) = torch.autograd.grad(loss, theta)
        adam.step()
        cosine.step()
        running = running.lerp(statistics, MOMENTUM)
        decay = min(0.25, (step + 1) / (step + 10))
        average = average.lerp(theta.detach(), 1 - decay)
        agree(
            SECOND,
            f=(state.f, theta.detach()),
            running=(state.running, running),
            f_ema=(state.f_ema, average),
            loss=(np.array(log["loss"]), loss.detach()),
        )
