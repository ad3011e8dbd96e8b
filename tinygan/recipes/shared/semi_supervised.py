"""A classifier of K + 1 classes, of which the last is "generated": it learns from few labels and from all samples.

    L = −E log P(y | x, y ≤ K) − ½ w E log P(y ≤ K | x) − ½ w E log P(K+1 | G)        labelled, unlabelled, generated samples

It has K logits; the logit of the last class is 0 (Salimans et al. 2016, §5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.scalar import Log, Scalar
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.data.augment import shift
from tinygan.errors import UsageError
from tinygan.layers import LogSoftmax
from tinygan.models.data_init import data_init
from tinygan.models.semi import semi
from tinygan.objectives.losses import (
    accuracy,
    cross_entropy,
    feature_matching,
    k_plus_one_d,
    k_plus_one_g,
    squared_feature_matching,
)
from tinygan.optim import Adam, Moments, ema, norm, warm


@dataclass(frozen=True)
class ClassifierSettings(Checked):
    """Settings of the classifier C and of the labels that it is trained with."""

    labels: int = setting(
        10, "labels a class, chosen by the seed; all other labels are hidden", least=1, most=2**20 - 1
    )
    labelled: int = setting(
        50, "labelled samples a step, beside the unlabelled ones of --batch", least=1, most=2**20 - 1
    )
    width: int = setting(
        32, "channels after the first convolution; for points a hidden layer has 4 width units", least=1, most=2**11
    )
    dropout: float = setting(0.5, "dropout rate; of images only", least=0, below=1)
    net: Literal["own", "noisy"] = setting(
        "own", "architecture; noisy: the paper's perceptron for MNIST, which has width 250"
    )
    noise: tuple[float, float] = setting(
        (0.6, 0.5),
        "standard deviations of the noise of net=noisy, at the input and after each hidden layer; "
        "paper: 0.3 at pixels in [0, 1]",
        least=0,
    )
    weight_norm: bool = setting(
        False, "weight normalisation W = g v/‖v‖, initialised by the first batch (Salimans & Kingma 2016)"
    )
    minibatch: int = setting(
        0, "kernels of minibatch discrimination (Salimans et al. 2016, §3.2); 0: none", least=0, most=2**11
    )
    shift: int = setting(0, "pixels that real images are shifted by at random, at most", least=0, most=2**11)
    unlabelled: float = setting(
        1.0,
        "weight w of the loss on unlabelled and generated samples; 0: C alone is trained, on labelled samples",
        least=0,
    )
    game: Literal["feature-matching", "squared-feature-matching", "non-saturating"] = setting(
        "feature-matching",
        "loss of G; feature-matching: mean |E f(G) − E f(x)| over C's features f, non-saturating: −E log P(y ≤ K | G)",
    )
    ema: float = setting(
        0.999, "decay a step of the average of C's weights that predictions come from", least=0, below=1
    )
    adam: Adam = setting(Adam(lr=1e-3), "optimiser of C")


class ClassifierState(NamedTuple):
    """Everything that a step changes: weights, their average, the optimiser's memory."""

    C: Array
    C_ema: Array
    memory: Moments


class KPlusOneClassifier:
    """The classifier C of samples of the shape of ``sample``."""

    def __init__(self, settings: ClassifierSettings, sample: Sample) -> None:
        if sample.classes < 2:
            raise UsageError(f"a classifier needs data of at least two classes: this has {sample.classes}")
        self.settings, self.classes = settings, sample.classes
        s, shape = settings, sample.shape
        if len(shape) == 1 and (s.shift or (s.weight_norm and s.net == "own")):
            raise UsageError(
                "points cannot be shifted, and weight norm needs another net for them: set judge.shift=0, judge.net=noisy"
            )
        noise = s.noise if s.net == "noisy" else None
        self.f = semi(
            shape, self.classes, s.width, s.dropout, noise=noise, weight_norm=s.weight_norm, kernels=s.minibatch
        )
        self.log_p = Net(self.f.net.f, LogSoftmax(rest=True))  # x ↦ log P(k | x), k ≤ K, of the same θ
        self.none = np.zeros(0, np.float32)  # C has no running values

    def init(self, rng: np.random.Generator) -> ClassifierState:
        theta = self.f.net.init(rng)
        return ClassifierState(theta, theta, self.settings.adam.init(theta))

    def prepare(self, state: ClassifierState, batch: Batch, rng: np.random.Generator) -> tuple[ClassifierState, Batch]:
        """The batch, shifted at random; before the first step weight normalisation is initialised by it."""
        s, x = self.settings, batch.x
        if s.shift:
            batch = batch._replace(x=shift(x, rng, s.shift))
        if s.weight_norm and state.memory.t == 0:
            theta = data_init(self.f.net.eval(self.none), state.C, x)
            state = ClassifierState(theta, theta, s.adam.init(theta))
        return state, batch

    def gradient(
        self, state: ClassifierState, batch: Batch, fake: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Log]:
        """∇L on ``batch``, the labelled samples first, and on ``fake``; without ``fake``, of the first term alone."""
        known, labels = split(batch)
        x = batch.x[:known] if fake is None else np.concatenate([batch.x, fake])
        # Minibatch discrimination compares the samples of a batch: real and generated ones stay apart.
        ends = [known, len(batch.x)] if self.settings.minibatch and fake is not None else []
        on = []
        for part in np.split(x, ends):
            C = self.f.net.bind(self.none, rng)
            on.append((C, *C.forward(state.C, part)))
        logits = np.concatenate([y for _, y, _ in on])
        loss, g = cross_entropy(logits[:known], labels)
        log = {"loss": loss, "accuracy": accuracy(logits[:known], labels)}
        if fake is not None:
            end = len(batch.x)
            log["loss_D"], g_real, g_fake = k_plus_one_d(logits[known:end], logits[end:])
            g = np.concatenate([g, self.settings.unlabelled * g_real, self.settings.unlabelled * g_fake])
        gtheta = np.zeros_like(state.C)
        for (C, _, saved), gy in zip(on, np.split(g.astype(x.dtype, copy=False), ends), strict=True):
            gtheta += C.backward(state.C, saved, gy, wrt_x=False).theta
        return gtheta, log

    def step(self, state: ClassifierState, g: Array) -> tuple[ClassifierState, Log]:
        theta, memory = self.settings.adam.step(state.C, g, state.memory)
        return ClassifierState(theta, ema(state.C_ema, theta, warm(self.settings.ema, memory.t)), memory), {
            "grad_C": norm(g)
        }

    def generator_loss(
        self, state: ClassifierState, fake: Array, real: Array, rng: np.random.Generator
    ) -> tuple[Scalar, Array]:
        """G's loss on its samples ``fake``, by the setting ``game``, and its gradient in them, with C fixed.

        C is in evaluation mode, without noise and dropout. With minibatch discrimination it is in training mode: noise moves
        samples apart, and without it the samples of a G without variety would be closer than any that C was trained on.
        """
        if self.settings.game == "non-saturating":
            return self._with_c_fixed(state, fake, k_plus_one_g, self._for_generator(self.f.net, rng))
        body, theta = self._for_generator(self.f.body, rng), state.C[: self.f.body.size]
        features, saved = body.forward(theta, fake)
        match = feature_matching if self.settings.game == "feature-matching" else squared_feature_matching
        value, g = match(features, body.forward(theta, real)[0])
        return value, body.backward(theta, saved, g, wrt_theta=False).x

    def consistency_loss(self, state: ClassifierState, at_anchor: Array, labels: Array) -> tuple[Scalar, Array]:
        """−E log P(y | G(x, 0), y ≤ K) on labelled x, and its gradient in G(x, 0): a reconstruction should keep its label."""
        return self._with_c_fixed(
            state, at_anchor, lambda logits: cross_entropy(logits, labels), self.f.net.eval(self.none)
        )

    def _for_generator(self, net: Net, rng: np.random.Generator) -> Net:
        return net.bind(self.none, rng) if self.settings.minibatch else net.eval(self.none)

    def _with_c_fixed(
        self, state: ClassifierState, x: Array, loss: Callable[[Array], tuple[Scalar, Array]], C: Net
    ) -> tuple[Scalar, Array]:
        """A loss of C's logits on x, and its gradient in x."""
        logits, saved = C.forward(state.C, x)
        value, g = loss(logits)
        return value, C.backward(state.C, saved, g, wrt_theta=False).x

    def bind_log_p(self, rng: np.random.Generator) -> Net:
        """x ↦ log P(k | x), k ≤ K, in training mode."""
        return self.log_p.bind(self.none, rng)

    def read(self, state: ClassifierState, x: Array) -> tuple[Array, Array]:
        """Features and logits (n, K) of samples x, with averaged weights."""
        return self.f.read(state.C_ema, self.none, x)


def split(batch: Batch) -> tuple[int, Array]:
    """How many samples of a batch, the first ones, have a label; and their labels."""
    labels = batch.labels["class"]
    known = int((labels >= 0).sum())
    return known, labels[:known]
