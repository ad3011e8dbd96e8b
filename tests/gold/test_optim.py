"""A thousand steps of every optimiser, against torch.optim on the same gradients."""

import numpy as np
import pytest

from tinygan.optim import SGD, Adam, Schedule

from .twins import FIRST, agree, tensors

torch = pytest.importorskip("torch")

STEPS = 1000


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Adam(lr=3e-3, b1=0.5, b2=0.9), lambda p: torch.optim.Adam(p, lr=3e-3, betas=(0.5, 0.9), eps=1e-8)),
        (Adam(lr=3e-3, b1=0.0, b2=0.99), lambda p: torch.optim.Adam(p, lr=3e-3, betas=(0.0, 0.99), eps=1e-8)),
        (SGD(lr=1e-2), lambda p: torch.optim.SGD(p, lr=1e-2)),
        (SGD(lr=1e-2, momentum=0.9), lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9)),
    ],
)
def test_weights_are_those_of_torch(ours, theirs):
    run(ours, theirs, lambda optimiser: None)


@pytest.mark.parametrize(
    ("schedule", "scheduler"),
    [
        (
            Schedule("linear", over=700, end=0.1),
            lambda optimiser: torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.1, total_iters=700),
        ),
        (
            Schedule("exponential", over=STEPS, end=0.1),
            lambda optimiser: torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.1 ** (1 / STEPS)),
        ),
    ],
)
def test_scheduled_weights_are_those_of_torch(schedule, scheduler):
    run(SGD(lr=1e-2, schedule=schedule), lambda p: torch.optim.SGD(p, lr=1e-2), scheduler)


def run(ours, theirs, scheduler):
    rng = np.random.default_rng(0)
    theta, gradients = rng.normal(size=7), rng.normal(0.3, 1.0, size=(STEPS, 7))
    (weights,) = tensors(theta)
    optimiser = theirs([weights])
    schedule, memory = scheduler(optimiser), ours.init(theta)
    for g in gradients:
        theta, memory = ours.step(theta, g, memory)
        weights.grad = torch.tensor(g)
        optimiser.step()
        if schedule:
            schedule.step()
    agree(FIRST, theta=(theta, weights.detach()))
