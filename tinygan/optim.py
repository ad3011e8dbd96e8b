"""Optimisers as pure steps on flat vectors: (θ, g, memory) ↦ (θ, memory).

adam = tinygan.optim.Adam(lr=2e-4)
memory = adam.init(theta)
theta, memory = adam.step(theta, g, memory)    # g (P,), the gradient of the loss in θ (P,)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array
from tinygan.core.scalar import Scalar, scalar
from tinygan.core.settings import Checked, setting
from tinygan.errors import UsageError

__all__ = ["SGD", "Adam", "Moments", "Schedule", "clip_norm", "ema", "norm", "warm"]

# ---------------------------------------------------------------- schedules


@dataclass(frozen=True)
class Schedule(Checked):
    """A factor f(t) on the learning rate at step t = 0, 1, ..., with s = min(t/over, 1).

    constant f = 1 (``over`` and ``end`` stay at 1);  linear f = 1 + (end − 1) s;  exponential f = end^s;
    cosine f = end + (1 − end)(1 + cos πs)/2   (Loshchilov & Hutter 2017, eq. 5).
    """

    kind: Literal["constant", "linear", "exponential", "cosine"] = setting("constant", "how the learning rate changes")
    over: int = setting(1, "steps until the learning rate has fallen to its end", least=1)
    end: float = setting(1.0, "share of the learning rate at the end; of an exponential schedule above 0", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "constant" and (self.over, self.end) != (1, 1.0):
            raise UsageError(
                "schedule.over and schedule.end do nothing in a constant schedule: set schedule.kind or leave both at 1"
            )
        if self.kind == "exponential" and self.end == 0:
            raise UsageError("schedule.end is 0; expected a number above 0 with schedule.kind=exponential")

    def __call__(self, t: int) -> Scalar:
        if self.kind == "constant":
            return 1.0
        s = np.minimum(t / self.over, 1.0)
        if self.kind == "linear":
            return scalar(1 + (self.end - 1) * s)
        if self.kind == "cosine":
            return scalar(self.end + (1 - self.end) * (1 + np.cos(math.pi * s)) / 2)
        return scalar(self.end**s)


# ---------------------------------------------------------------- optimisers


class Moments(NamedTuple):
    """The state of an optimiser: running means, and the number of steps taken."""

    m: Array
    v: Array
    t: int
    mean: Any = ()  # of θ over the steps, with historical averaging


@dataclass(frozen=True)
class Adam(Checked):
    """m ← b₁m + (1−b₁)g,  v ← b₂v + (1−b₂)g²,  θ ← θ − lr m̂/(√v̂ + ε),  m̂ = m/(1−b₁ᵗ)   (Kingma & Ba 2015, alg. 1).

    With ``history`` h the term h ‖θ − θ̄‖² is added to the loss: g ← g + 2h (θ − θ̄), where θ̄, the mean of θ at the start and
    after each step, is constant (historical averaging, Salimans et al. 2016, §3.3). Gradients are clipped and logged without
    this term.
    """

    lr: float = setting(2e-4, "learning rate", least=0)
    b1: float = setting(0.5, "decay a step of the running mean of gradients (β₁)", least=0, below=1)
    b2: float = setting(0.999, "decay a step of the running mean of squared gradients (β₂)", least=0, below=1)
    eps: float = setting(1e-8, "ε, added to the root of the mean square so that it is never 0", least=1e-30)
    schedule: Schedule = setting(Schedule(), "schedule of the learning rate")
    history: float = setting(0.0, "weight of historical averaging, h ‖θ − mean of past θ‖²; 0: none", least=0)

    def init(self, theta: Array) -> Moments:
        return Moments(np.zeros_like(theta), np.zeros_like(theta), 0, theta if self.history else ())

    def step(self, theta: Array, g: Array, memory: Moments) -> tuple[Array, Moments]:
        m, v, t, mean = memory
        lr = self.lr * self.schedule(t)
        if self.history:
            g = g + (2 * self.history) * (theta - mean)
        theta, m, v = kernels.adam(theta, g, m, v, lr=lr, b1=self.b1, b2=self.b2, eps=self.eps, t=t + 1)
        return theta, Moments(m, v, t + 1, ema(mean, theta, (t + 1) / (t + 2)) if self.history else ())


@dataclass(frozen=True)
class SGD(Checked):
    """m ← μm + g,  θ ← θ − lr m   (Polyak 1964; the form of PyTorch). v is not used."""

    lr: float = setting(1e-2, "learning rate", least=0)
    momentum: float = setting(0.0, "share of the last step that is added to the next (μ)", least=0, below=1)
    schedule: Schedule = setting(Schedule(), "schedule of the learning rate")

    def init(self, theta: Array) -> Moments:
        return Moments(np.zeros_like(theta), np.zeros_like(theta[:0]), 0)

    def step(self, theta: Array, g: Array, memory: Moments) -> tuple[Array, Moments]:
        m = kernels.combine(self.momentum, memory.m, 1, g)
        return kernels.combine(1, theta, -self.lr * self.schedule(memory.t), m), memory._replace(m=m, t=memory.t + 1)


# ---------------------------------------------------------------- averages and norms


def warm(decay: float, t: int) -> float:
    """min(decay, t/(9 + t)) at step t: the average is over about the last tenth of the steps until ``decay`` is reached."""
    return min(decay, t / (9 + t))


def ema(average: Array, theta: Array, decay: Scalar) -> Array:
    """The exponential moving average of weights, d·average + (1−d)·θ."""
    return kernels.combine(decay, average, 1 - decay, theta)


def norm(g: Array) -> Scalar:
    """‖g‖, the Euclidean norm of a vector (P,)."""
    return scalar(np.sqrt(kernels.dot(g, g)))


def clip_norm(g: Array, most: float) -> Array:
    """g, scaled to the norm ``most`` if its norm is greater   (Pascanu et al. 2013, alg. 1)."""
    return g * scalar(most / np.maximum(norm(g), most))
