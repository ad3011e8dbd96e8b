"""A classifier: its features are for Frechet distances and other measures, its predictions for the classes of samples.

One step:  x ← shift and flip x at random;   θ ← θ − Adam ∇ cross-entropy(f(x; θ), class);   θ̄ ← d θ̄ + (1 − d) θ
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.data.augment import flip, shift
from tinygan.models.classifier import Classifier, classifier
from tinygan.objectives.losses import accuracy, cross_entropy
from tinygan.optim import Adam, Moments, Schedule, ema, norm, warm
from tinygan.recipes.spec import Card, RecipeSpec

STEPS = 6500  # of 128 images: 14 epochs of 60,000


@dataclass(frozen=True)
class Settings(Checked):
    """The learning rate falls to 0 at step ``adam.schedule.over``: change it together with --steps."""

    width: int = setting(32, "channels after the first convolution; there are 4 width features", least=1, most=2**11)
    smoothing: float = setting(
        0.1, "share of a label that is spread over all classes (Szegedy et al. 2016, §7)", least=0, below=1
    )
    shift: int = setting(2, "pixels that an image is shifted by at random, at most", least=0, most=2**5)
    flip: bool = setting(False, "mirror half of the images; not for digits")
    ema: float = setting(
        0.999, "decay a step of the averages of weights and statistics that predictions come from", least=0, below=1
    )
    adam: Adam = setting(Adam(lr=3e-3, b1=0.9, schedule=Schedule("cosine", over=STEPS, end=0.0)), "optimiser")


class State(NamedTuple):
    """Everything that a step changes: weights, batch statistics, the averages of both, the optimiser's memory."""

    f: Array
    running: Array
    f_ema: Array
    running_ema: Array
    memory: Moments


class ClassifierRecipe:
    """A classifier of images (H, W, C) in [-1, 1] with the label "class"."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        self.settings, self.expects = settings, sample
        self.f = classifier(sample.shape, sample.classes, settings.width)
        self.nets = {"f": self.f.net}

    def init(self, rng: np.random.Generator) -> State:
        theta = self.f.net.init(rng)
        running = self.f.net.init_running(theta, rng)
        return State(theta, running, theta, running, self.settings.adam.init(theta))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step on ``batch``: images x (N, H, W, C), labels "class" (N,)."""
        s, net, label = self.settings, self.f.net.bind(state.running), batch.labels["class"]
        logits, saved = net.forward(state.f, self.augment(batch.x, rng))
        loss, gy = cross_entropy(logits, label, s.smoothing)
        g = net.backward(state.f, saved, gy, wrt_x=False).theta
        theta, memory = s.adam.step(state.f, g, state.memory)
        running = net.update(state.running, state.f, saved)
        decay = warm(s.ema, memory.t)
        averages = ema(state.f_ema, theta, decay), ema(state.running_ema, running, decay)
        return State(theta, running, *averages, memory), {
            "loss": loss,
            "accuracy": accuracy(logits, label),
            "grad": norm(g),
        }

    def augment(self, x: Array, rng: np.random.Generator) -> Array:
        """x, each image shifted by up to ``shift`` pixels with black at the edge, and with ``flip`` half of them mirrored."""
        x = shift(x, rng, self.settings.shift)
        return flip(x, rng) if self.settings.flip else x

    def extractor(self, state: State) -> tuple[Classifier, Array, Array]:
        """The classifier, its averaged weights and its averaged running values."""
        return self.f, state.f_ema, state.running_ema

    def read(self, state: State, x: Array) -> tuple[Array, Array]:
        """Features (n, 4 width) and logits (n, classes) of images x (n, H, W, C), with averaged weights."""
        return self.f.read(state.f_ema, state.running_ema, x)


RECIPE = RecipeSpec(
    name="classifier",
    make=ClassifierRecipe,
    settings=Settings,
    purpose="measuring",
    about="convolutional classifier, whose features measure generators",
    when="to train the features that evaluation uses",
    card=Card(
        paper="no paper",
        objective="cross-entropy",
        headline="accuracy 93.06 % on Fashion-MNIST's test images",
        file="classifier.jsonl",
    ),
    device=False,
    loop={"steps": STEPS, "batch": 128, "save_every": 500},
)
