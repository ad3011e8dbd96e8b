"""Normalising flow (Dinh et al. 2017): an invertible net, so that the density of the data is known.

    z = F(x),  z ~ N(0, 1):    log p(x) = log N(F(x); 0, 1) + log |det ∂F/∂x|                                        (eq. 2)

The log-determinant of a chain of couplings is a sum (``layers/coupling.py``), and the sampler is F⁻¹. There is no discriminator
and no bound: the loss is the mean of −log p(x) itself, whose cotangents are z/n at z and −1/n at the log-determinant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log, scalar
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.errors import ShapeError, UsageError, by
from tinygan.models import flow
from tinygan.optim import Adam, Moments, norm
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(Checked):
    """The paper's flows are of images, with convolutions and batch normalisation."""

    couplings: int = setting(8, "affine coupling layers", least=2, most=2**8)
    width: int = setting(64, "hidden units of the net in each coupling", least=1, most=2**12)
    adam: Adam = setting(Adam(lr=1e-3, b1=0.9), "optimiser")


class State(NamedTuple):
    """Everything that a step changes."""

    F: Array
    memory: Moments


class Flow:
    """A flow of points (d,), d at least 2."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        self.settings, self.shape = settings, sample.shape
        if len(sample.shape) != 1 or sample.shape[0] < 2:
            raise UsageError(f"flow needs points of two numbers or more: got samples of {by(sample.shape)}")
        self.F = flow.flow(sample.shape[0], settings.couplings, settings.width)
        self.nets = {"F": self.F}

    def init(self, rng: np.random.Generator) -> State:
        theta = self.F.init(rng)
        return State(theta, self.settings.adam.init(theta))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step on ``batch.x`` (n, d)."""
        y, saved = self.F.forward(state.F, self.with_log_det(batch.x))
        n, g = len(y), y / len(y)
        g[:, -1] = -1 / n
        gtheta = self.F.backward(state.F, saved, g, wrt_x=False).theta
        F, memory = self.settings.adam.step(state.F, gtheta, state.memory)
        return State(F, memory), {"NLL": -scalar(log_density(y).mean()), "grad_F": norm(gtheta)}

    def log_p(self, state: State, x: Array) -> Array:
        """log p(x) in nats, (n,), of points x (n, d)."""
        return log_density(self.F.forward(state.F, self.with_log_det(x))[0])

    def with_log_det(self, x: Array) -> Array:
        """[x, 0]: the log-determinant starts at 0. Raises ShapeError."""
        if x.shape[1:] != self.shape:
            raise ShapeError(f"flow: expects points of {by(self.shape)}: got {by(x.shape[1:])}")
        return np.concatenate([x, np.zeros((len(x), 1), x.dtype, like=x)], axis=1)

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, 1), (n, d)."""
        return rng.standard_normal((n, *self.shape), np.float32)

    def sample(self, state: State, z: Array) -> Array:
        """F⁻¹(z), points (n, d)."""
        return flow.inverse(self.F, state.F, self.with_log_det(z))[:, :-1]


def log_density(y: Array) -> Array:
    """log N(z; 0, 1) + ℓ of [z, ℓ] (n, d + 1)."""
    z, d = y[:, :-1], y.shape[1] - 1
    return y[:, -1] - (z * z).sum(axis=1) / 2 - d / 2 * math.log(2 * math.pi)


RECIPE = RecipeSpec(
    name="flow",
    make=Flow,
    settings=Settings,
    purpose="likelihood",
    about="normalising flow for points, with exact density (Dinh et al. 2017)",
    when="when the density of points is needed",
    card=Card(
        paper="Dinh et al. 2017",
        objective="−log p(x), exact; affine couplings",
        headline="1.018 nats a point on two moons, 1.035 on 8 Gaussians",
        file="reproduce/flow.json",
        experiment="moons",
        claim="−log p of test points by the flow",
    ),
    loop={"data": "moons"},
)
