"""A classifier before a stream of tasks, with a rotation loss or without: the step and the stream (Chen et al. 2019, §3).

Task k is class k against all others. Of its batch x the first half are of class k and the second half are not, d(x) is the
logit of the first head; r(x) are the four logits of the second, on the same features. One step, β = 0 without the loss:

    θ ← θ − Adam ∇ [E sp(−d(x₊)) + E sp(d(x₋)) − β E log softmax(r(Rᵏx'))ₖ],     x' every fourth image, k = 0, 1, 2, 3

as the discriminator of SS-GAN does with class k for what is real; here images of either half are turned. The upright x' are in
the batch already: 3/4 N more images are enough.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinygan.core.compose import Concat
from tinygan.core.init import he
from tinygan.core.layer import Array, Layer
from tinygan.core.net import Net
from tinygan.core.scalar import Log
from tinygan.core.streams import ExperimentStream
from tinygan.data import Dataset
from tinygan.data.labelled_subset import classes_of
from tinygan.errors import UsageError
from tinygan.images.rotation import TURNS, rotations
from tinygan.layers import Conv2d, LeakyReLU, Linear, Reshape, SpectralNorm
from tinygan.models.dcgan import levels
from tinygan.objectives.losses import accuracy, cross_entropy, logistic_d
from tinygan.optim import Adam, Moments

EVERY = 4  # one image of four is turned: in all four turns as many as the batch has (compare_gan's rotated_batch_size)


class Tasks:
    """Batches of ``size`` images of the tasks 0, 1, ..., one for each class, ``period`` steps each, then again from 0 on.

    Step t is a pure function of (seed, t); images of either half are drawn with repetition. Raises UsageError where a class
    has no samples or ``size`` no halves.
    """

    def __init__(self, data: Dataset, period: int, size: int, seed: int) -> None:
        label = classes_of(data)
        self.of = [np.flatnonzero(label == k) for k in range(len(data.classes))]
        self.others = [np.flatnonzero(label != k) for k in range(len(data.classes))]
        if size % 2 or not all(map(len, self.of + self.others)):
            raise UsageError(
                f"tasks need an even batch and samples of each of two classes or more: {data.name}, {size}"
            )
        self.data, self.period, self.half, self.seed = data, period, size // 2, seed

    def batch(self, step: int) -> Array:
        """x (size, H, W, C): one half of the class of the step's task, one half of the others."""
        rng = np.random.default_rng([self.seed, ExperimentStream.TASKS, step])
        k = step // self.period % len(self.of)
        index = np.concatenate([rng.choice(one, self.half) for one in (self.of[k], self.others[k])])
        return self.data.batch(index)[0]


class State(NamedTuple):
    """Everything that a step changes: weights, singular vectors, the optimiser's memory."""

    f: Array
    running: Array
    memory: Moments


class Learner:
    """The classifier of images of ``shape`` and its step; ``beta`` 0 turns no image."""

    def __init__(self, shape: tuple[int, ...], width: int, beta: float, adam: Adam) -> None:
        self.net, self.beta, self.adam = two_headed(shape, width), beta, adam

    def init(self, rng: np.random.Generator) -> State:
        theta = self.net.init(rng)
        return State(theta, self.net.init_running(theta, rng), self.adam.init(theta))

    def step(self, state: State, x: Array) -> tuple[State, Log]:
        """The state after a step on x (N, H, W, C), and how much of x the state before it named rightly."""
        N, half, net = len(x), len(x) // 2, self.net.bind(state.running)
        some = np.arange(0, N, EVERY)
        if self.beta:
            images, label = rotations(x[some])
            x = np.concatenate([x, images[len(some) :]])
        y, saved = net.forward(state.f, x)
        gy, d = np.zeros_like(y), y[:N, :1]
        loss, gy[:half, :1], gy[half:N, :1] = logistic_d(d[:half], d[half:])
        log = {"loss": loss, "accuracy": (float((d[:half] > 0).mean()) + float((d[half:] <= 0).mean())) / 2}
        if self.beta:
            four = np.concatenate([some, np.arange(N, len(x))])
            r = y[four, 1:]
            _, g = cross_entropy(r, label)
            log["rotation accuracy"] = accuracy(r, label)
            gy[four, 1:] = self.beta * g
        g = net.backward(state.f, saved, gy, wrt_x=False).theta
        theta, memory = self.adam.step(state.f, g, state.memory)
        return State(theta, net.update(state.running, state.f, saved), memory), log


def two_headed(shape: tuple[int, ...], width: int) -> Net:
    """x (N, H, W, C) → half by 4x4, then 3x3, until small and once more → the logit and four logits of the rotation, (N, 5).

    In the manner of SN-DCGAN's discriminator (Miyato et al. 2018, table 3): channels double from ``width`` where sides are
    halved, leaky rectifiers, every weight spectrally normalised, each head on its own.
    """
    H, W, at = shape
    layers: list[Layer] = []
    for i in range(levels(shape) + 1):
        H, W, C = H // 2, W // 2, width << i
        layers += [*convolution(at, C, 4), *convolution(C, C, 3)]
        at = C
    heads = Concat(*(SpectralNorm(Linear(H * W * at, out)) for out in (1, TURNS)))
    return Net(*layers, Reshape(H * W * at), heads)


def convolution(c_in: int, c_out: int, k: int) -> list[Layer]:
    """k x k of stride k − 2: the sides stay for 3 and are halved for 4."""
    return [SpectralNorm(Conv2d(c_in, c_out, k, stride=k - 2, pad=1, init=he)), LeakyReLU(0.1)]
