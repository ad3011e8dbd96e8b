"""Localized GAN (Qi et al. 2018): a chart of the data's manifold around every sample.

The local generator G(x, z) (``shared/localized.py``) reconstructs its anchor, G(x, 0) ≈ x. Its tangents there are exact. One
step:

    D:  θ_D ← θ_D − Adam ∇ [L_D(D(x), D(G(x, z))) + λ E fake(D(G(x, 0))) + γ ½E‖∇D(x)‖²],              z ~ N(0, σ² I)
    G:  θ_G ← θ_G − Adam ∇ [L_G(D(G(x, z))) + λ L_G(D(G(x, 0))) + μ ‖G(x, 0) − x‖ + η ‖JᵀJ − I‖]    on the same x and z

The published code takes J by float32 central differences through batch statistics. Here J is one forward pass of tangents, and
the gradient of its penalty one backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log, Scalar, scalar
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.models import dcgan
from tinygan.models.mlp import mlp
from tinygan.objectives.losses import LOSSES
from tinygan.objectives.penalties import gradient_penalty, weighted, zero_centred
from tinygan.optim import Adam, Moments, norm
from tinygan.recipes.shared.localized import ANCHORS, Charts, LocalGenerator, LocalSettings, LocalState
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(LocalSettings):
    """Settings of G first. "Code" is the value of the authors' code for images."""

    loss: Literal["minimax", "non-saturating", "least-squares", "hinge"] = setting("non-saturating", "loss of G and D")
    anchor: float = setting(0.1, "weight λ of G(x, 0) among the generated samples (code)", least=0)
    # On a curve without noise D would otherwise recognise every G(x, z).
    gamma: float = setting(0.0, "weight γ of the R1 penalty ½E‖∇D‖² at real samples; 0: none", least=0)
    adam_D: Adam = setting(Adam(lr=2e-4), "optimiser of D")


class State(NamedTuple):
    """Everything that a step changes."""

    local: LocalState
    D: Array
    D_running: Array
    D_memory: Moments
    anchors: Array  # samples of the last batch


class LGAN(Charts):
    """A localized GAN of images (H, W, C) in [-1, 1] or points (d,)."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        self.settings, self.shape = settings, sample.shape
        self.G = LocalGenerator(settings, sample.shape)
        h = 4 * settings.width
        points = len(sample.shape) == 1
        self.D = mlp(sample.shape[0], h, h, h, 1) if points else dcgan.discriminator(sample.shape, settings.width)
        self.nets = {"D": self.D, "local.E": self.G.E, "local.F": self.G.F}
        self.loss = LOSSES[settings.loss]

    def init(self, rng: np.random.Generator) -> State:
        local, d = self.G.init(rng), self.D.init(rng)
        anchors = np.zeros((ANCHORS, *self.shape), np.float32)
        return State(local, d, self.D.init_running(d, rng), self.settings.adam_D.init(d), anchors)

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of D and one of G on samples ``batch.x`` (n, *shape)."""
        x = batch.x
        made = self.G.make(state.local, x, self.G.latents(len(x), rng))
        state, log = self.step_D(state, x, made.displaced, made.at_anchor)
        loss, g_displaced = self.generator_loss(state, made.displaced)
        _, g_at_anchor = self.generator_loss(state, made.at_anchor)
        local, log_G = self.G.step(state.local, x, made, g_displaced, self.settings.anchor * g_at_anchor, rng)
        anchors = np.resize(x, state.anchors.shape)
        return state._replace(local=local, anchors=anchors), log | {"loss_G": loss} | log_G

    def step_D(self, state: State, x: Array, displaced: Array, at_anchor: Array) -> tuple[State, Log]:
        """A step of D on x against G(x, z) and, with the weight λ, against G(x, 0)."""
        s, D = self.settings, self.D.bind(state.D_running)
        (real, saved_real), (fake, saved_fake), (anchor, saved_anchor) = (
            D.forward(state.D, images) for images in (x, displaced, at_anchor)
        )
        loss, g_real, g_fake = self.loss.discriminator(real, fake)
        _, _, g_anchor = self.loss.discriminator(real, anchor)
        log = {"loss_D": loss, "D_real": scalar(real.mean()), "D_fake": scalar(fake.mean())}
        if s.gamma:
            r1 = weighted(s.gamma, zero_centred)
            at_real: dict[str, Any] = {"primal": (real, saved_real), "gy": g_real, "wrt_x": False}
            log["penalty"], pulled = gradient_penalty(D, state.D, x, r1, **at_real)
        else:
            pulled = D.backward(state.D, saved_real, g_real, wrt_x=False)
        g = pulled.theta
        for saved, gy in (saved_fake, g_fake), (saved_anchor, s.anchor * g_anchor):
            g = g + D.backward(state.D, saved, gy, wrt_x=False).theta
        theta, memory = s.adam_D.step(state.D, g, state.D_memory)
        running = state.D_running
        for saved in (saved_real, saved_fake, saved_anchor):
            running = D.update(running, state.D, saved)
        return state._replace(D=theta, D_memory=memory, D_running=running), log | {"grad_D": norm(g)}

    def generator_loss(self, state: State, images: Array) -> tuple[Scalar, Array]:
        """G's loss on ``images``, and its gradient in them."""
        D = self.D.bind(state.D_running)
        logits, saved = D.forward(state.D, images)
        loss, g = self.loss.generator(logits)
        return loss, D.backward(state.D, saved, g, wrt_theta=False).x


RECIPE = RecipeSpec(
    name="lgan",
    make=LGAN,
    settings=Settings,
    purpose="structure of the data",
    about="localized GAN: a generator around every image, with orthonormal tangents (Qi et al. 2018)",
    when="for local coordinates of the data's manifold: editing, tangents, curvature",
    card=Card(
        paper="Qi et al. 2018",
        objective="minimax, non-saturating, least-squares or hinge loss; locality, orthonormal tangents, r1",
        headline="97.3 % of tangents on the swiss roll within 11.5° of the truth",
        file="reproduce/lgan.json",
        experiment="swiss-roll",
        claim="points with alignment",
    ),
)
