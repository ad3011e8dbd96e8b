"""Few labels: a classifier initialised by a trained discriminator (suggested as future work by Chen et al. 2019).

A linear layer for the classes replaces D's heads, and the whole network is trained on the labelled images alone. It starts
from the weights of ``reproduce ssgan --only cifar``, with or without the rotation loss, or from fresh weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.core.compose import Composite
from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.streams import ExperimentStream
from tinygan.data import Dataset
from tinygan.data.augment import flip
from tinygan.data.labelled_subset import classes_of
from tinygan.data.sampler import Sampler
from tinygan.data.split import labels_per_class
from tinygan.layers import Linear
from tinygan.objectives.losses import cross_entropy
from tinygan.optim import Adam, Schedule
from tinygan.recipes.systems.ssgan import SSGAN
from tinygan.reproduce.harness.experiment import Claim, Experiment, Job, Result, Work, figures_of, over_seeds
from tinygan.reproduce.papers.ssgan import CIFAR, OWN_SETTINGS, PLAIN, ROTATION, options

FRESH = "fresh weights"
STARTS = (FRESH, PLAIN, ROTATION)
LABELS, STEPS, BATCH, LR = 100, 300, 64, 5e-4
TEST, BLOCK = 10_000, 250


def classifier(D: Net, classes: int) -> tuple[Net, int]:
    """D with a linear layer for the classes in place of its heads, and the number of leading entries of θ it shares with D."""
    assert isinstance(D.f, Composite)
    body = D.f.children[:-1]
    features = Net(*body)
    (F,) = features.out_shape((32, 32, 3))
    return Net(*body, Linear(F, classes)), features.size


def run(job: Job, work: Work) -> dict[str, Any]:
    """The test error after training on LABELS labels per class."""
    seed, data = job["seed"], work.open(CIFAR.data)
    method = ROTATION if job["start"] == FRESH else job["start"]  # fresh weights use only the architecture
    recipe, state = work.train("ssgan", CIFAR.data, **options(CIFAR, method, seed))
    assert isinstance(recipe, SSGAN)
    net, shared = classifier(recipe.D, len(data.classes))
    rng = np.random.default_rng([seed, ExperimentStream.LABELLED])
    theta = net.init(rng)
    if job["start"] != FRESH:
        theta = np.concatenate([state.D[:shared], theta[shared:]])
    theta, running = learn(net, theta, data, seed, rng)
    return {"error": error(net.eval(running), theta, work.open(CIFAR.data, "test", least=TEST))}


def learn(net: Net, theta: Array, data: Dataset, seed: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Train on the labelled images with random flips; returns θ and the running values after STEPS steps."""
    known, _ = labels_per_class(classes_of(data), LABELS, seed)
    adam, order = Adam(lr=LR, b1=0.9, schedule=Schedule("linear", over=STEPS, end=0.0)), Sampler(len(known), seed)
    running, memory = net.init_running(theta, rng), adam.init(theta)
    for step in range(STEPS):
        x, label = data.batch(known[order.indices(step * BATCH, BATCH)])
        logits, saved = net.bind(running).forward(theta, flip(x, rng))
        _, gy = cross_entropy(logits, label["class"])
        g = net.bind(running).backward(theta, saved, gy, wrt_x=False).theta
        running = net.update(running, theta, saved)
        theta, memory = adam.step(theta, g, memory)
    return theta, running


def error(net: Net, theta: Array, data: Dataset) -> float:
    """The error on the first TEST images."""
    wrong = 0
    for i in range(0, TEST, BLOCK):
        x, label = data.batch(np.arange(i, i + BLOCK))
        wrong += int((net.forward(theta, x)[0].argmax(axis=1) != label["class"]).sum())
    return wrong / TEST


def claims(results: Sequence[Result]) -> list[Claim]:
    """The errors, and the gain of the rotation loss over fresh weights."""
    errors = {start: [100 * f["error"] for f in figures_of(results, start=start)] for start in STARTS}
    found = [over_seeds(f"error %, {LABELS} labels per class, {start}", errors[start]) for start in STARTS]
    return [
        *found,
        Claim("fresh weights − SS-GAN weights, % points", found[0].value - found[2].value),
    ]


JOBS = [{"start": start, "seed": seed} for seed in range(3) for start in STARTS]
EXPERIMENTS = [
    Experiment(
        "labels",
        "CIFAR-10, 100 labels per class: a classifier initialised by a discriminator",
        {
            "training": options(CIFAR, PLAIN, 0) | {"seed": ""},
            "own": OWN_SETTINGS,
            "learning": [LABELS, STEPS, BATCH, LR],
        },
        JOBS,
        run,
        claims,
    )
]
