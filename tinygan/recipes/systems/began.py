"""Boundary equilibrium GAN (Berthelot et al. 2017): D is an autoencoder A, and the losses are its reconstruction errors.

    L(v) = mean |v − A(v)|,    L_D = L(x) − k L(G(z_D)),    L_G = L(G(z_G)),    both at the weights before the step
    k ← clip(k + λ (γ L(x) − L(G(z_G))), 0, 1),  k₀ = 0,    M = L(x) + |γ L(x) − L(G(z_G))|

D reconstructs real images well and generated ones badly; G makes images that D reconstructs well. The control of k keeps
E L(G) at γ E L(x). With a smaller γ, D attends more to real images, and the images of G are sharper and less varied. M measures
convergence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log, Scalar, scalar
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.models import began
from tinygan.optim import Adam, Moments, ema, norm
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(Checked):
    """The paper halves its learning rate of 1e-4 when M stalls; here adam_G.schedule and adam_D.schedule do."""

    latent: int = setting(64, "numbers in z, and in the autoencoder's code", least=1, most=2**14)
    width: int = setting(
        16, "channels of the decoders and of the encoder's first convolution; paper: 64 or 128", least=1, most=2**11
    )
    # Named ratio because gamma is the weight of a gradient penalty in other systems.
    ratio: float = setting(
        0.5,
        "γ = E L(G(z)) / E L(x), which is controlled; smaller is sharper and less varied, paper: 0.3 to 0.7",
        least=0,
        below=1,
    )
    gain: float = setting(0.05, "step λ of the control of k; paper: 1e-3, for runs a hundred times as long", least=0)
    ema: float = setting(0.99, "decay a step of the average of G's weights that samples come from", least=0, below=1)
    adam_G: Adam = setting(Adam(lr=1e-3), "optimiser of G")
    # As fast as G, D would reconstruct real images before G is in balance, and k would stay at 0.
    adam_D: Adam = setting(Adam(lr=3e-4), "optimiser of D")


class State(NamedTuple):
    """Everything that a step changes."""

    G: Array
    D: Array
    G_ema: Array
    G_memory: Moments
    D_memory: Moments
    k: Scalar = 0.0


class BEGAN:
    """A BEGAN of images (H, W, C) in [-1, 1]."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, self.settings, self.shape = settings, settings, sample.shape
        self.G = began.generator(sample.shape, s.latent, s.width)
        self.D = began.discriminator(sample.shape, s.latent, s.width)
        self.nets = {"D": self.D, "G": self.G}

    def init(self, rng: np.random.Generator) -> State:
        g, d = self.G.init(rng), self.D.init(rng)
        return State(g, d, g, self.settings.adam_G.init(g), self.settings.adam_D.init(d))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of both nets on ``batch.x`` (n, H, W, C), and of k."""
        s, n = self.settings, len(batch.x)
        for_D, _ = self.G.forward(state.G, self.latents(n, rng))
        for_G, made = self.G.forward(state.G, self.latents(n, rng))
        real, _, g_real = self.reconstruction_loss(state, batch.x, wrt_x=False)
        _, _, g_fake = self.reconstruction_loss(state, for_D, -state.k, wrt_x=False)
        fake, gx, _ = self.reconstruction_loss(state, for_G, wrt_theta=False)
        g_D, g_G = g_real + g_fake, self.G.backward(state.G, made, gx, wrt_x=False).theta
        D, D_memory = s.adam_D.step(state.D, g_D, state.D_memory)
        G, G_memory = s.adam_G.step(state.G, g_G, state.G_memory)
        k, M = controlled(state.k, s.ratio, s.gain, real, fake)
        log = {"M": M, "k": state.k, "L_real": real, "L_fake": fake, "grad_D": norm(g_D), "grad_G": norm(g_G)}
        return State(G, D, ema(state.G_ema, G, s.ema), G_memory, D_memory, k), log

    def reconstruction_loss(
        self, state: State, x: Array, weight: Scalar = 1.0, **wrt: Any
    ) -> tuple[Scalar, Array, Array]:
        """L(x), and the gradients of weight · L(x) in x and in θ_D; ``wrt`` goes to ``Net.backward``."""
        gap, saved = self.D.forward(state.D, x)
        g = np.sign(gap) * (weight / gap.size)
        pulled = self.D.backward(state.D, saved, g, **wrt)
        return scalar(np.abs(gap).mean()), pulled.x, pulled.theta

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ U(−1, 1), (n, latent)."""
        return rng.uniform(-1, 1, (n, self.settings.latent)).astype(np.float32)

    def sample(self, state: State, z: Array) -> Array:
        """Images (N, H, W, C) in [-1, 1], with averaged weights."""
        return self.G.forward(state.G_ema, z)[0]


def controlled(k: Scalar, ratio: float, gain: float, real: Scalar, fake: Scalar) -> tuple[Scalar, Scalar]:
    """k after a step with the losses L(x) and L(G), and M of that step."""
    balance: Any = ratio * real - fake
    return scalar(np.clip(k + gain * balance, 0.0, 1.0)), real + abs(balance)


RECIPE = RecipeSpec(
    name="began",
    make=BEGAN,
    settings=Settings,
    purpose="images without labels",
    about="GAN whose D is an autoencoder, kept in equilibrium with G (Berthelot et al. 2017)",
    when="when one setting should trade variety against sharpness, with a measure of convergence",
    card=Card(
        paper="Berthelot et al. 2017",
        objective="mean absolute error of an autoencoder; the balance of real and generated is controlled",
        headline="variety grows with γ in 3 of 3 seeds",
        file="reproduce/began.json",
        experiment="fashion",
        claim="seeds of 3 where the distance grows",
    ),
)
