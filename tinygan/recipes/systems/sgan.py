"""Semi-supervised GAN (Salimans et al. 2016, §5): a classifier of K classes and "generated"; G matches its features.

One step, on labelled samples (x, y), unlabelled ones u, and z ~ N(0, I):

    C:  θ_C ← θ_C − Adam ∇ [−E log P(y | x, y ≤ K) − ½ w E log P(y ≤ K | u) − ½ w E log P(K+1 | G(z))]
    G:  θ_G ← θ_G − Adam ∇ mean |E f(G(z)) − E f(u)|,      f the last hidden layer of C
        (+ η ‖JᵀJ − s²I‖² of G's tangents where ``orthonormal.eta`` is set;
        with ``judge.game`` non-saturating −E log P(y ≤ K | G(z)) in place of the means)

The paper's nets for MNIST are ``judge.net=noisy`` with ``judge.weight_norm``, and ``net=softplus``. Its techniques are
``judge.minibatch`` (C then takes labelled, unlabelled and generated samples in separate batches, and predicts best in batches
of the training's size), ``reference``, and ``adam_G.history`` and ``judge.adam.history``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.scalar import Log, Scalar
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.models import dcgan
from tinygan.models.mlp import mlp
from tinygan.models.semi import softplus_generator
from tinygan.optim import Adam, Moments, ema, norm
from tinygan.recipes.shared.semi_supervised import ClassifierSettings, ClassifierState, KPlusOneClassifier, split
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(Checked):
    """Settings of the classifier are in the table ``judge``."""

    judge: ClassifierSettings = setting(ClassifierSettings(), "the classifier C and its labels")
    latent: int = setting(64, "numbers in z, the latent vector", least=1, most=2**14)
    width: int = setting(
        32,
        "channels before G's last convolution; for points and net=softplus a hidden layer has 4 width units",
        least=1,
        most=2**11,
    )
    net: Literal["own", "softplus"] = setting(
        "own", "architecture of G; softplus: the paper's perceptron for MNIST, which has width 125"
    )
    reference: int = setting(
        0,
        "latents of the reference batch of virtual batch normalisation, with net=softplus "
        "(Salimans et al. 2016, §3.5); 0: batch normalisation",
        least=0,
        most=2**11,
    )
    orthonormal: Orthonormal = setting(
        Orthonormal(scale=0.0, statistics="batch"), "orthonormality of G's tangents ∂G/∂z (Qi et al. 2018)"
    )
    ema: float = setting(0.99, "decay a step of the average of G's weights that samples come from", least=0, below=1)
    adam_G: Adam = setting(Adam(lr=1e-3), "optimiser of G")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reference and self.net != "softplus":
            raise UsageError(f"reference needs net=softplus, whose norms it is for: net is {self.net}")
        self.orthonormal.fits(self.latent)


class State(NamedTuple):
    """Everything that a step changes."""

    judge: ClassifierState
    G: Array
    G_running: Array
    G_ema: Array
    G_memory: Moments
    tangent: Scalar = 0.0  # the running mean of ‖J eₖ‖²; 0: none yet


class SGAN:
    """A semi-supervised GAN of images (H, W, C) in [-1, 1] or points (d,), with the label "class"."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        self.settings, self.expects = settings, sample
        self.classifier = KPlusOneClassifier(settings.judge, sample)
        self.labels, self.labelled = settings.judge.labels, settings.judge.labelled
        self.G = generator(settings, sample.shape)
        self.nets = {"judge.C": self.classifier.f.net, "G": self.G}

    def init(self, rng: np.random.Generator) -> State:
        g = self.G.init(rng)
        return State(self.classifier.init(rng), g, self.G.init_running(g, rng), g, self.settings.adam_G.init(g))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of C and one of G on ``batch``, whose first samples are labelled; the label of the others is −1."""
        state_C, batch = self.classifier.prepare(state.judge, batch, rng)
        if not self.settings.judge.unlabelled:
            g, log = self.classifier.gradient(state_C, batch, None, rng)
            state_C, log_C = self.classifier.step(state_C, g)
            return state._replace(judge=state_C), log | log_C
        real = batch.x[split(batch)[0] :]
        G, z = self.G.bind(state.G_running), self.latents(len(real), rng)
        fake, saved = G.forward(state.G, z)
        g, log = self.classifier.gradient(state_C, batch, fake, rng)
        state_C, log_C = self.classifier.step(state_C, g)
        loss, g_fake = self.classifier.generator_loss(state_C, fake, real, rng)
        g, tangent, s = G.backward(state.G, saved, g_fake, wrt_x=False).theta, state.tangent, self.settings
        if s.orthonormal.eta:
            log["orthonormal"], tangent, pulled = s.orthonormal.step(
                self.G, state.G_running, state.G, z, s.latent, tangent, rng, wrt_x=False
            )
            g = g + pulled.theta
        theta, memory = self.settings.adam_G.step(state.G, g, state.G_memory)
        running, average = self.G.update(state.G_running, state.G, saved), ema(state.G_ema, theta, self.settings.ema)
        return State(state_C, theta, running, average, memory, tangent), log | log_C | {
            "loss_G": loss,
            "grad_G": norm(g),
        }

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, I), (n, latent)."""
        return rng.standard_normal((n, self.settings.latent), np.float32)

    def sample(self, state: State, z: Array) -> Array:
        """Samples, with averaged weights and running statistics."""
        return self.G.eval(state.G_running).forward(state.G_ema, z)[0]

    def read(self, state: State, x: Array) -> tuple[Array, Array]:
        """Features and logits of samples x, with the averaged classifier."""
        return self.classifier.read(state.judge, x)


def generator(settings: Settings, shape: tuple[int, ...]) -> Net:
    """G for samples of a shape."""
    h = 4 * settings.width
    if settings.net == "softplus":
        return softplus_generator(shape, settings.latent, settings.width, settings.reference)
    if len(shape) == 1:
        return mlp(settings.latent, h, h, shape[0])
    return dcgan.generator(shape, settings.latent, settings.width)


RECIPE = RecipeSpec(
    name="sgan",
    make=SGAN,
    settings=Settings,
    purpose="few labels",
    about="classifier trained with few labels beside a GAN (Salimans et al. 2016)",
    first_choice=True,
    when="first choice when few images have labels",
    card=Card(
        paper="Salimans et al. 2016",
        objective=(
            "cross-entropy of K + 1 classes with few labels; feature matching; minibatch discrimination, weight "
            "normalisation, virtual batch normalisation, historical averaging"
        ),
        headline="error 2.7 % with 10 labels a class, MNIST with 5,000 digits",
        file="reproduce/semi.json",
        experiment="mnist-5k",
        claim="error %, K+1 GAN",
    ),
    device=False,
)
