"""Semi-supervised Localized GAN (Qi et al. 2018, §4): a classifier that changes little along the charts of a local generator.

One step, on labelled samples (x, y), unlabelled ones u, and z ~ N(0, σ² I); f is the last hidden layer of C:

    C:  θ_C ← θ_C − Adam ∇ [−E log P(y | x, y ≤ K) − ½ w E log P(y ≤ K | u) − ½ w E log P(K+1 | G(u, z))
                            + λ Σ_k E ‖∇_z log P(k | G(u, z))‖²],                                          the last at z = 0
    G:  θ_G ← θ_G − Adam ∇ [mean |E f(G(u, z)) − E f(u)| + μ ‖G(u, 0) − u‖ + η ‖JᵀJ − I‖ − κ E log P(y | G(x, 0), y ≤ K)]

With ``judge.game`` non-saturating, −E log P(y ≤ K | G(u, z)) replaces G's first term. The term of κ, by which a reconstruction
keeps its label, is in the authors' code but not in the paper. Their noise is U[0, 1], so the anchor z = 0 is a corner; here z
is symmetric around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.recipes.shared.intrinsic import Intrinsic
from tinygan.recipes.shared.localized import ANCHORS, Charts, LocalGenerator, LocalSettings, LocalState
from tinygan.recipes.shared.semi_supervised import ClassifierSettings, ClassifierState, KPlusOneClassifier, split
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(LocalSettings):
    """Settings of G first."""

    judge: ClassifierSettings = setting(ClassifierSettings(), "the classifier C and its labels")
    intrinsic: Intrinsic = setting(Intrinsic(), "smoothness of the classifier along the charts")
    keep: float = setting(1.0, "weight κ of the loss that a reconstruction keeps its label", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.intrinsic.fits(self.latent)


class State(NamedTuple):
    """Everything that a step changes."""

    judge: ClassifierState
    local: LocalState
    anchors: Array  # samples of the last batch


class SemiLGAN(Charts):
    """A semi-supervised localized GAN of images (H, W, C) in [-1, 1] or points (d,), with the label "class"."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        if settings.judge.minibatch:
            raise UsageError(
                "a chart belongs to one sample, and minibatch discrimination compares samples: set judge.minibatch=0"
            )
        self.settings, self.expects, self.shape = settings, sample, sample.shape
        self.classifier = KPlusOneClassifier(settings.judge, sample)
        self.G = LocalGenerator(settings, sample.shape)
        self.labels, self.labelled = settings.judge.labels, settings.judge.labelled
        self.nets = {"judge.C": self.classifier.f.net, "local.E": self.G.E, "local.F": self.G.F}

    def init(self, rng: np.random.Generator) -> State:
        anchors = np.zeros((ANCHORS, *self.expects.shape), np.float32)
        return State(self.classifier.init(rng), self.G.init(rng), anchors)

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of C and one of G on ``batch``, whose first samples are labelled; the label of the others is −1."""
        s, G = self.settings, self.G
        state_C, batch = self.classifier.prepare(state.judge, batch, rng)
        known, labels = split(batch)
        real, n = batch.x[known:], len(batch.x) - known
        x = np.concatenate([real, batch.x[:known]])  # unlabelled first: terms on some samples take the first
        made = G.make(state.local, x, G.latents(len(x), rng))
        g, log = self.classifier.gradient(state_C, batch, made.displaced[:n], rng)
        more = None
        if s.intrinsic.weight and state_C.memory.t >= s.intrinsic.after:
            F, log_p = s.orthonormal.statistics_of(G.F, state.local.F_running), self.classifier.bind_log_p(rng)
            at = made.at_0[:n]
            log["intrinsic"], also, more = s.intrinsic.step(F, state.local.F, log_p, state_C.C, at, s.latent, rng)
            g = g + also
        state_C, log_C = self.classifier.step(state_C, g)

        loss, g_displaced = self.classifier.generator_loss(state_C, made.displaced[:n], real, rng)
        loss_keep, g_keep = self.classifier.consistency_loss(state_C, made.at_anchor[n:], labels)
        g_displaced = np.concatenate([g_displaced, np.zeros_like(batch.x[:known])])
        g_at_anchor = np.concatenate([np.zeros_like(real), s.keep * g_keep])
        local, log_G = G.step(state.local, x, made, g_displaced, g_at_anchor, rng, more)
        anchors = np.resize(real, state.anchors.shape)
        return State(state_C, local, anchors), log | log_C | {"loss_G": loss, "loss_keep": loss_keep} | log_G

    def read(self, state: State, x: Array) -> tuple[Array, Array]:
        """Features and logits of samples x, with the averaged classifier."""
        return self.classifier.read(state.judge, x)


RECIPE = RecipeSpec(
    name="lgan-semi",
    make=SemiLGAN,
    settings=Settings,
    purpose="few labels",
    about="classifier trained with few labels beside a localized GAN (Qi et al. 2018)",
    when="when predictions should not change along the data's manifold",
    card=Card(
        paper="Qi et al. 2018, §4",
        objective="cross-entropy of K + 1 classes with few labels; locality, orthonormal tangents, Laplace-Beltrami",
        headline="error 8.5 % with 10 labels a class, MNIST with 5,000 digits",
        file="reproduce/lgan.json",
        experiment="mnist-5k",
        claim="error %, LGAN",
    ),
    device=False,
)
