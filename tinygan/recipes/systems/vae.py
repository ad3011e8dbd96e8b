"""Variational autoencoder (Kingma & Welling 2014): encoder E and decoder G maximise one lower bound on log p(x).

    (μ, log σ²) = E(x),    z = μ + σ ε,  ε ~ N(0, 1),    d = G(z),  P(pixel is 1 | z) = σ(d)
    log p(x) ≥ ELBO = E_ε Σ log P(x | z) − KL(N(μ, σ²) ‖ N(0, 1))                               (eq. 3 and 10, one ε)

The pixels are in [0, 1] here. z depends on μ and σ by ∂z/∂μ = 1 and ∂z/∂log σ² = ½ σ ε, so with the cotangent z̄ that comes
back from G, the cotangents of L = −ELBO are

    μ̄ = z̄ + ∂KL/∂μ,    (log σ²)‾ = ½ σ ε z̄ + ∂KL/∂log σ²
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log, Scalar
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.errors import ShapeError, UsageError, by
from tinygan.models import vae
from tinygan.objectives.losses import bernoulli, normal_kl
from tinygan.optim import Adam, Moments, norm
from tinygan.recipes.spec import Card, RecipeSpec

Binarise = Literal["sampled", "threshold", "none"]
BINARISE = (
    "how a grey pixel p in [0, 1] becomes 0 or 1; sampled: 1 with probability p at each step, threshold: 1 where p > 1/2, "
    "none: it stays p, and the loss is no bound"
)


@dataclass(frozen=True)
class Settings(Checked):
    """For MNIST the paper has 500 hidden units, Adagrad, batches of 100 and weight decay."""

    latent: int = setting(20, "numbers in z, the latent vector", least=1, most=2**14)
    width: int = setting(400, "hidden units of encoder and decoder; paper: 500", least=1, most=2**14)
    binarise: Binarise = setting("sampled", BINARISE)
    adam: Adam = setting(Adam(lr=1e-3, b1=0.9), "optimiser of both nets")


class State(NamedTuple):
    """Everything that a step changes."""

    E: Array
    G: Array
    E_memory: Moments
    G_memory: Moments


class Bound(NamedTuple):
    """Means over images in nats, and the gradients of −ELBO = reconstruction + KL in both nets' θ."""

    reconstruction: Scalar
    KL: Scalar
    g_E: Array
    g_G: Array

    @property
    def ELBO(self) -> Scalar:
        return -self.reconstruction - self.KL


class Autoencoder:
    """A system with a bound on log p(x) of binary pixels x, from images (H, W, C) in [-1, 1]."""

    name: ClassVar[str]
    batches = 1

    def __init__(self, settings: Any, sample: Sample) -> None:
        self.settings, self.shape = settings, sample.shape
        if len(sample.shape) != 3:
            raise UsageError(f"{self.name} needs images: got points of {by(sample.shape)}")

    def bound(self, state: Any, x: Array, eps: Array) -> Any:
        """The bound on pixels x (n, H, W, C) in [0, 1] with one ε for each image; ``ELBO`` is its mean."""
        raise NotImplementedError

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """n latents from the prior, which is also the distribution of ε."""
        raise NotImplementedError

    def elbo(self, state: Any, x: Array, rng: np.random.Generator) -> float:
        """The bound on log p(x), mean over images x (n, H, W, C) in [-1, 1], binarised, in nats an image."""
        p = self.pixels(x, rng)
        return float(self.bound(state, p, self.latents(len(p), rng)).ELBO)

    def pixels(self, x: Array, rng: np.random.Generator) -> Array:
        """x in [-1, 1] as the nets' input, in [0, 1] and binarised. Raises ShapeError."""
        if x.shape[1:] != self.shape:
            raise ShapeError(f"{self.name}: expects images of {by(self.shape)}: got {by(x.shape[1:])}")
        p = (x + 1) / 2
        if self.settings.binarise == "none":
            return p
        return (p > (rng.random(p.shape) if self.settings.binarise == "sampled" else 0.5)).astype(x.dtype)


class VAE(Autoencoder):
    """A VAE of images (H, W, C) in [-1, 1]."""

    name = "vae"

    def __init__(self, settings: Settings, sample: Sample) -> None:
        super().__init__(settings, sample)
        s = settings
        self.E = vae.encoder(sample.shape, s.latent, s.width)
        self.G = vae.decoder(sample.shape, s.latent, s.width)
        self.nets = {"E": self.E, "G": self.G}

    def init(self, rng: np.random.Generator) -> State:
        e, g = self.E.init(rng), self.G.init(rng)
        return State(e, g, self.settings.adam.init(e), self.settings.adam.init(g))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of both nets on ``batch.x`` (n, H, W, C)."""
        x = self.pixels(batch.x, rng)
        bound = self.bound(state, x, self.latents(len(x), rng))
        E, E_memory = self.settings.adam.step(state.E, bound.g_E, state.E_memory)
        G, G_memory = self.settings.adam.step(state.G, bound.g_G, state.G_memory)
        log = {"ELBO": bound.ELBO, "reconstruction": bound.reconstruction, "KL": bound.KL}
        return State(E, G, E_memory, G_memory), log | {"grad_E": norm(bound.g_E), "grad_G": norm(bound.g_G)}

    def bound(self, state: State, x: Array, eps: Array) -> Bound:
        """The bound on pixels x (n, H, W, C) in [0, 1] with one ε (n, latent) for each image, forward and backward."""
        code, saved_E = self.E.forward(state.E, x)
        mu, log_var = np.split(code, 2, axis=1)
        sigma = np.exp(log_var / 2)
        d, saved_G = self.G.forward(state.G, mu + sigma * eps)
        reconstruction, gd = bernoulli(d, x)
        KL, gmu, glog_var = normal_kl(mu, log_var)
        pulled = self.G.backward(state.G, saved_G, gd)
        g_code = np.concatenate([gmu + pulled.x, glog_var + pulled.x * sigma * eps / 2], axis=1)
        g_E = self.E.backward(state.E, saved_E, g_code, wrt_x=False).theta
        return Bound(reconstruction, KL, g_E, pulled.theta)

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, 1), (n, latent): the prior, and ε."""
        return rng.standard_normal((n, self.settings.latent), np.float32)

    def sample(self, state: State, z: Array) -> Array:
        """Images (N, H, W, C) in [-1, 1]: the mean pixels 2σ(d) − 1 = tanh(d/2)."""
        return np.tanh(self.G.forward(state.G, z)[0] / 2)


RECIPE = RecipeSpec(
    name="vae",
    make=VAE,
    settings=Settings,
    purpose="likelihood",
    about="variational autoencoder of binary pixels (Kingma & Welling 2014)",
    when="when an encoder or a bound on the likelihood is needed",
    card=Card(
        paper="Kingma & Welling 2014",
        objective="−ELBO: cross-entropy of binary pixels plus KL divergence of the latents",
        headline="20 of 20 seeds finish",
        file="reproduce/stability.json",
        experiment="seeds",
        claim="vae: seeds",
    ),
)
