"""DCGAN (Radford et al. 2016), with the losses and penalties of its successors by choice.

One step, as the original algorithm box (Goodfellow et al. 2014, alg. 1) with Adam:

    n_critic times:  z ~ N(0, I);   θ_D ← θ_D − Adam ∇( L_D(D(x), D(G(z))) + γ penalty )
    once, same z:    θ_G ← θ_G − Adam ∇ ( L_G(D(G(z))) + η ‖JᵀJ − s²I‖²_F );   θ̄ ← d θ̄ + (1 − d) θ_G

with J = ∂G/∂z at some of the z: no constraint by default (``recipes/tangents.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from tinygan.data import Batch, Sample
from tinygan.layer import Array, Saved
from tinygan.loss import LOSSES
from tinygan.models import dcgan
from tinygan.net import Net
from tinygan.optim import Adam, Moments, clip_norm, ema, norm, require
from tinygan.penalty import gradient_penalty, interpolate, one_centred, perturb, weighted, zero_centred
from tinygan.recipes.tangents import Orthonormal


@dataclass(frozen=True)
class Settings:
    """What can be chosen; lines marked (paper) are Radford et al. 2016, §3."""

    latent: int = 64  # numbers in z
    width: int = 32  # channels after D's first convolution
    loss: Literal["minimax", "non-saturating", "least-squares", "hinge", "wasserstein"] = "non-saturating"  # (paper)
    penalty: Literal["none", "r1", "r2", "wgan-gp", "dragan"] = "none"
    gamma: float = 10.0  # its weight: γ ½E‖∇D‖² for r1 and r2, γ E(‖∇D‖ − 1)² for the others
    batch_norm_G: bool = True  # (paper)
    batch_norm_D: bool = True  # (paper)
    n_critic: int = 1  # steps of D for one of G
    # s is learned; on strokes an η of 1e-4 to 1e-3 evens G's tangents out, and from 1e-2 on D wins
    orthonormal: Orthonormal = Orthonormal(scale=0.0, statistics="batch")
    clip: float = 0.0  # greatest gradient norm; 0: no clipping
    ema: float = 0.99  # decay a step of the average of G's weights that samples come from: over 100 steps
    adam_G: Adam = Adam(lr=1e-3)  # 2e-4 in the paper; small nets and small images bear more
    adam_D: Adam = Adam(lr=1e-3)

    def __post_init__(self) -> None:
        for name, most in (("latent", 2**14), ("width", 2**11), ("n_critic", 2**10)):
            require(name, getattr(self, name), 1, most + 1)
        require("ema", self.ema, 0, 1)
        require("gamma", self.gamma, 0, math.inf)
        require("clip", self.clip, 0, math.inf)
        self.orthonormal.fits(self.latent)


class State(NamedTuple):
    """Everything that a step changes: weights, running values, the average of G, the optimisers' memories."""

    G: Array
    D: Array
    G_running: Array
    D_running: Array
    G_ema: Array
    G_memory: Moments
    D_memory: Moments
    tangent: float = 0.0  # the running mean of ‖J eₖ‖²; 0: none yet


class DCGAN:
    """The recipe for images (H, W, C) in [-1, 1]."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        self.settings = s = settings
        self.G = dcgan.generator(sample.shape, s.latent, s.width, batch_norm=s.batch_norm_G)
        self.D = dcgan.discriminator(sample.shape, s.width, batch_norm=s.batch_norm_D)
        self.nets = {"D": self.D, "G": self.G}
        self.batches = s.n_critic
        self.loss = LOSSES[s.loss]

    def init(self, rng: np.random.Generator) -> State:
        g, d = self.G.init(rng), self.D.init(rng)
        s = self.settings
        return State(
            g, d, self.G.init_running(g, rng), self.D.init_running(d, rng), g, s.adam_G.init(g), s.adam_D.init(d)
        )

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, dict[str, float]]:
        """One step of D on ``batch.x`` (n_critic N, H, W, C), N images for each of its steps, and one of G on N latents.

        G's step takes the latents of D's last one, whose images are there already, as most published code does.
        """
        log: dict[str, float] = {}
        for real in np.split(batch.x, self.settings.n_critic):
            z = self.latents(len(real), rng)
            made = self.generate(state, z)
            state, log = self.step_D(state, real, made, rng)
        state, log_G = self.step_G(state, z, made, rng)
        return state, log | log_G

    def generate(self, state: State, z: Array) -> tuple[Array, Saved]:
        """G(z), and what its backward needs."""
        return self.G.bind(state.G_running).forward(state.G, z)

    def step_D(
        self, state: State, real: Array, made: tuple[Array, Saved], rng: np.random.Generator
    ) -> tuple[State, dict[str, float]]:
        s, D, theta, (fake, saved_G) = self.settings, self.D.bind(state.D_running), state.D, made
        on_real, on_fake = D.forward(theta, real), D.forward(theta, fake)
        loss, g_real, g_fake = self.loss.discriminator(on_real[0], on_fake[0])
        log = {"loss_D": loss, "D_real": float(on_real[0].mean()), "D_fake": float(on_fake[0].mean())}
        # Every forward on a batch of its own moves running statistics; the penalty's points are no samples.
        running = D.update(D.update(state.D_running, theta, on_real[1]), theta, on_fake[1])
        value, at_real = self.pull_D(D, theta, real, on_real, g_real, s.penalty == "r1")
        del on_real  # what it saved makes room for the next
        value_2, at_fake = self.pull_D(D, theta, fake, on_fake, g_fake, s.penalty == "r2")
        g = at_real + at_fake
        if s.penalty in ("wgan-gp", "dragan"):
            x = interpolate(real, fake, rng) if s.penalty == "wgan-gp" else perturb(real, rng)
            value, pulled = gradient_penalty(D, theta, x, weighted(s.gamma, one_centred), wrt_x=False)
            g += pulled.theta
        if s.penalty != "none":
            log["penalty"] = value + value_2
        log["grad_D"] = norm(g)
        theta, memory = s.adam_D.step(theta, self.clip(g), state.D_memory)
        G_running = self.G.update(state.G_running, state.G, saved_G)
        return state._replace(D=theta, D_memory=memory, D_running=running, G_running=G_running), log

    def pull_D(
        self, D: Net, theta: Array, x: Array, primal: tuple[Array, Saved], gy: Array, penalised: bool
    ) -> tuple[float, Array]:
        """The gradient in θ_D of the loss at x and, where x is ``penalised``, of γ ½E‖∇D‖² there: they share their passes."""
        if not penalised:
            return 0.0, D.backward(theta, primal[1], gy, wrt_x=False).theta
        objective = weighted(self.settings.gamma, zero_centred)
        value, pulled = gradient_penalty(D, theta, x, objective, primal=primal, gy=gy, wrt_x=False)
        return value, pulled.theta

    def step_G(
        self, state: State, z: Array, made: tuple[Array, Saved], rng: np.random.Generator
    ) -> tuple[State, dict[str, float]]:
        s, D, (fake, saved_G) = self.settings, self.D.bind(state.D_running), made
        d_fake, saved_D = D.forward(state.D, fake)
        loss, g_fake = self.loss.generator(d_fake)
        g_image = D.backward(state.D, saved_D, g_fake, wrt_theta=False).x
        g = self.G.bind(state.G_running).backward(state.G, saved_G, g_image, wrt_x=False).theta
        log, tangent = {"loss_G": loss}, state.tangent
        if s.orthonormal.eta:
            value, tangent, pulled = s.orthonormal.step(
                self.G, state.G_running, state.G, z, s.latent, tangent, rng, wrt_x=False
            )
            g = g + pulled.theta
            log["orthonormal"] = value
            if not s.orthonormal.scale:
                log["scale"] = math.sqrt(tangent)
        log["grad_G"] = norm(g)
        theta, memory = s.adam_G.step(state.G, self.clip(g), state.G_memory)
        average = ema(state.G_ema, theta, s.ema)
        return state._replace(G=theta, G_memory=memory, G_ema=average, tangent=tangent), log

    def clip(self, g: Array) -> Array:
        return clip_norm(g, self.settings.clip) if self.settings.clip else g

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, I), (n, latent)."""
        return rng.standard_normal((n, self.settings.latent), np.float32)

    def sample(self, state: State, z: Array) -> Array:
        """Images (N, H, W, C) in [-1, 1] of the averaged generator, with running statistics."""
        return self.G.eval(state.G_running).forward(state.G_ema, z)[0]
