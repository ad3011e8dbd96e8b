"""Online learning of a stream of tasks, with or without a rotation loss: the stream and the step (Chen et al. 2019, §3).

Task k is class k against all others. The first half of a batch x is of class k and the second half is not. d(x) is the logit
of the first head, r(x) are the four logits of the second head, on the same features. One step (β = 0 without the loss) is

    θ ← θ − Adam ∇ [E sp(−d(x₊)) + E sp(d(x₋)) − β E log softmax(r(Rᵏx'))ₖ],     x' every fourth image, k = 0, 1, 2, 3

like a step of SS-GAN's discriminator with class k as the real images, except that images of both halves are rotated. The
upright x' are already in the batch, so 3/4 N additional images are enough.
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

EVERY = 4  # every fourth image is rotated, so four rotations give N images (compare_gan's rotated_batch_size)


class Tasks:
    """Batches of ``size`` images of tasks 0, 1, ..., one per class and ``period`` steps each, then again from task 0.

    The batch of step t is a pure function of (seed, t). Images are drawn with replacement. Raises UsageError if a class has
    no samples or ``size`` is odd.
    """

    def __init__(self, data: Dataset, period: int, size: int, seed: int) -> None:
        label = classes_of(data)
        self.of = [np.flatnonzero(label == k) for k in range(len(data.classes))]
        self.others = [np.flatnonzero(label != k) for k in range(len(data.classes))]
        if size % 2 or not all(map(len, self.of + self.others)):
            raise UsageError(
                f"tasks need an even batch and samples of at least two classes; got batch {size} of {data.name}"
            )
        self.data, self.period, self.half, self.seed = data, period, size // 2, seed

    def batch(self, step: int) -> Array:
        """x (size, H, W, C): one half of the class of the current task, one half of other classes."""
        rng = np.random.default_rng([self.seed, ExperimentStream.TASKS, step])
        k = step // self.period % len(self.of)
        index = np.concatenate([rng.choice(one, self.half) for one in (self.of[k], self.others[k])])
        return self.data.batch(index)[0]


class State(NamedTuple):
    """The state of training: weights, singular vectors of spectral normalisation, the optimiser's moments."""

    f: Array
    running: Array
    memory: Moments


class Learner:
    """A classifier of images of ``shape`` and its training step. ``beta`` is the weight of the rotation loss; 0 omits it."""

    def __init__(self, shape: tuple[int, ...], width: int, beta: float, adam: Adam) -> None:
        self.net, self.beta, self.adam = two_headed(shape, width), beta, adam

    def init(self, rng: np.random.Generator) -> State:
        theta = self.net.init(rng)
        return State(theta, self.net.init_running(theta, rng), self.adam.init(theta))

    def step(self, state: State, x: Array) -> tuple[State, Log]:
        """The state after a step on x (N, H, W, C), and the accuracy on x before the step."""
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
    """x (N, H, W, C) → pairs of a 4x4 convolution of stride 2 and a 3x3 convolution → logit and four rotation logits (N, 5).

    Similar to SN-DCGAN's discriminator (Miyato et al. 2018, table 3): channels start at ``width`` and double with each
    halving, activations are leaky ReLUs, and every weight is spectrally normalised, each head separately.
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
    """A k x k convolution of stride k − 2: k = 3 keeps the size, k = 4 halves it."""
    return [SpectralNorm(Conv2d(c_in, c_out, k, stride=k - 2, pad=1, init=he)), LeakyReLU(0.1)]
