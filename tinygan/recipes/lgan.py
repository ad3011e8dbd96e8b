"""Localized GAN (Qi et al. 2018): a chart of the data's manifold around every point of it.

The local generator G(x, z) = F([E(x), z]) starts at its anchor, G(x, 0) ≈ x, and moves on the manifold as z moves; its
tangents at the anchor, τⱼ = ∂G(x, z)/∂zⱼ at z = 0, are exact, since tangents enter at z alone: E runs without them.
One step:

    D:  θ_D ← θ_D − Adam ∇ [L_D(D(x), D(G(x, z))) + λ E fake(D(G(x, 0))) + γ ½E‖∇D(x)‖²],           z ~ N(0, σ² I)
    G:  θ_G ← θ_G − Adam ∇ [L_G(D(G(x, z))) + λ L_G(D(G(x, 0))) + μ ‖G(x, 0) − x‖ + η ‖JᵀJ − I‖]    on the same x and z

The published code takes J by float32 central differences through batch statistics; here it is one forward of tangents, and
its gradient one backward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from tinygan.data import Batch, Sample
from tinygan.layer import Array
from tinygan.loss import LOSSES
from tinygan.models import dcgan
from tinygan.models.mlp import mlp
from tinygan.net import Net
from tinygan.optim import Adam, Moments, ema, norm, require
from tinygan.penalty import gradient_penalty, weighted, zero_centred
from tinygan.recipes.tangents import Orthonormal

ANCHORS = 64  # of the last batch, kept to sample around


@dataclass(frozen=True)
class Settings:
    """What can be chosen. (code): the value of the authors' image code."""

    latent: int = 8  # N, the dimension of the charts; 10 for MNIST, 32 for CelebA (code)
    code: int = 64  # numbers in E(x)
    width: int = 32  # channels after the first convolution, of points: units of a hidden layer / 4
    sigma: float = 1.0  # of z; 3 (code)
    loss: Literal["minimax", "non-saturating", "least-squares", "hinge"] = "non-saturating"
    mu: float = 50.0  # weight of locality; 20 (code)
    locality: Literal["squared", "absolute"] = (
        "absolute"  # E‖G(x, 0) − x‖² (paper), or the mean of |G(x, 0) − x| (code)
    )
    orthonormal: Orthonormal = Orthonormal(eta=2.0, tangents=4, samples=32, statistics="batch")
    anchor: float = 0.1  # λ, the weight of G(x, 0) among the fakes (code)
    gamma: float = 0.0  # weight of ½E‖∇D‖² at real x (R1): on a curve without noise D would tell every G(x, z); 0: none
    ema: float = 0.99  # decay a step of the averages of E and F that samples come from
    adam_G: Adam = Adam(lr=1e-3)
    adam_D: Adam = Adam(lr=2e-4)

    def __post_init__(self) -> None:
        for name, most in (("latent", 2**14), ("code", 2**14), ("width", 2**11)):
            require(name, getattr(self, name), 1, most + 1)
        for name in ("sigma", "mu", "anchor", "gamma"):
            require(name, getattr(self, name), 0, math.inf)
        require("ema", self.ema, 0, 1)
        self.orthonormal.fits(self.latent)


class State(NamedTuple):
    """Everything that a step changes."""

    E: Array
    F: Array
    D: Array
    E_running: Array
    F_running: Array
    D_running: Array
    E_ema: Array
    F_ema: Array
    E_memory: Moments
    F_memory: Moments
    D_memory: Moments
    tangent: float  # the running mean of ‖τ‖²
    anchors: Array  # images of the last batch


class LGAN:
    """The recipe for images (H, W, C) in [-1, 1], or for points (d,)."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        self.settings, self.shape = settings, sample.shape
        self.E, self.F, self.D = nets(sample.shape, settings)
        self.nets = {"D": self.D, "E": self.E, "F": self.F}
        self.loss = LOSSES[settings.loss]

    def init(self, rng: np.random.Generator) -> State:
        s = self.settings
        e, f, d = (net.init(rng) for net in (self.E, self.F, self.D))
        e_running, f_running, d_running = (
            net.init_running(theta, rng) for net, theta in ((self.E, e), (self.F, f), (self.D, d))
        )
        memories = s.adam_G.init(e), s.adam_G.init(f), s.adam_D.init(d)
        anchors = np.zeros((ANCHORS, *self.shape), np.float32)
        return State(e, f, d, e_running, f_running, d_running, e, f, *memories, 1.0, anchors)

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, dict[str, float]]:
        """One step of D and one of G on images ``batch.x`` (n, H, W, C)."""
        s, x = self.settings, batch.x
        E, F = self.E.bind(state.E_running), self.F.bind(state.F_running)
        code, saved_E = E.forward(state.E, x)
        z = s.sigma * self.axis_values(len(x), rng)
        at_z, at_0 = np.concatenate([code, z], axis=1), np.concatenate([code, np.zeros_like(z)], axis=1)
        (moved, saved_z), (still, saved_0) = F.forward(state.F, at_z), F.forward(state.F, at_0)
        state, log = self.step_D(state, x, moved, still)

        loss, g_moved = self.judged(state, moved)
        _, g_still = self.judged(state, still)
        distance, g_distance = self.locality(still, x)
        moving = F.backward(state.F, saved_z, g_moved)
        staying = F.backward(state.F, saved_0, s.anchor * g_still + s.mu * g_distance)
        g_code, g_F = (moving.x + staying.x)[:, : s.code], moving.theta + staying.theta
        tangent = state.tangent
        if s.orthonormal.eta:
            value, tangent, pulled = s.orthonormal.step(
                self.F, state.F_running, state.F, at_0, s.latent, state.tangent, rng
            )
            g_code[: len(pulled.x)] += pulled.x[:, : s.code]
            g_F = g_F + pulled.theta
            log["orthonormal"] = value
        g_E = E.backward(state.E, saved_E, g_code, wrt_x=False).theta
        e, E_memory = s.adam_G.step(state.E, g_E, state.E_memory)
        f, F_memory = s.adam_G.step(state.F, g_F, state.F_memory)
        return state._replace(
            E=e,
            F=f,
            E_running=self.E.update(state.E_running, state.E, saved_E),
            F_running=self.F.update(self.F.update(state.F_running, state.F, saved_z), state.F, saved_0),
            E_ema=ema(state.E_ema, e, s.ema),
            F_ema=ema(state.F_ema, f, s.ema),
            E_memory=E_memory,
            F_memory=F_memory,
            tangent=tangent,
            anchors=np.resize(x, state.anchors.shape),
        ), log | {"loss_G": loss, "locality": distance, "grad_E": norm(g_E), "grad_F": norm(g_F)}

    def step_D(self, state: State, x: Array, moved: Array, still: Array) -> tuple[State, dict[str, float]]:
        """D against G(x, z) and, with the weight λ, against G(x, 0)."""
        s, D = self.settings, self.D.bind(state.D_running)
        (real, saved_real), (fake, saved_fake), (anchor, saved_anchor) = (
            D.forward(state.D, images) for images in (x, moved, still)
        )
        loss, g_real, g_fake = self.loss.discriminator(real, fake)
        _, _, g_anchor = self.loss.discriminator(real, anchor)
        log = {"loss_D": loss, "D_real": float(real.mean()), "D_fake": float(fake.mean())}
        if s.gamma:
            r1 = weighted(s.gamma, zero_centred)
            at_real = {"primal": (real, saved_real), "gy": g_real, "wrt_x": False}
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

    def judged(self, state: State, images: Array) -> tuple[float, Array]:
        """What G loses for ``images``, and its gradient in them."""
        D = self.D.bind(state.D_running)
        logits, saved = D.forward(state.D, images)
        loss, g = self.loss.generator(logits)
        return loss, D.backward(state.D, saved, g, wrt_theta=False).x

    def locality(self, still: Array, x: Array) -> tuple[float, Array]:
        """E‖G(x, 0) − x‖² or the mean of |G(x, 0) − x|, and its gradient in G(x, 0)."""
        r = still - x
        if self.settings.locality == "squared":
            return float(np.square(r).sum() / len(r)), 2 / len(r) * r
        return float(np.abs(r).mean()), np.sign(r) / r.size

    def axis_values(self, n: int, rng: np.random.Generator) -> Array:
        """N(0, I), (n, N)."""
        return rng.standard_normal((n, self.settings.latent), np.float32)

    # ---------------------------------------------------------------- afterwards

    def chart(self, state: State, x: Array) -> tuple[Net, Array]:
        """F for evaluation, of the average, and E(x) (n, code): G(x, z) = F([E(x), z])."""
        return self.F.eval(state.F_running), self.E.eval(state.E_running).forward(state.E_ema, x)[0]

    def local(self, state: State, x: Array, z: Array) -> Array:
        """G(x, z) of the averaged nets.   x (n, *shape), z (n, N)."""
        F, code = self.chart(state, x)
        return F.forward(state.F_ema, np.concatenate([code, z], axis=1))[0]

    def tangents(self, state: State, x: Array) -> tuple[Array, Array]:
        """G(x, 0) (n, *shape) and all τⱼ (N, n, *shape) of the averaged nets."""
        F, code = self.chart(state, x)
        N = self.settings.latent
        at_0 = np.concatenate([code, np.zeros((len(x), N), code.dtype)], axis=1)
        e = np.zeros((N, *at_0.shape), at_0.dtype)
        e[..., code.shape[1] :] = np.eye(N, dtype=e.dtype)[:, None]
        y, tau, _ = F.jvp(state.F_ema, at_0, e)
        return y, tau

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, σ² I) and, last, the number of an anchor, (n, N + 1)."""
        z = self.settings.sigma * self.axis_values(n, rng)
        return np.concatenate([z, rng.integers(0, ANCHORS, (n, 1)).astype(np.float32)], axis=1)

    def sample(self, state: State, z: Array) -> Array:
        """G(x, z) around the anchors that the state keeps."""
        return self.local(state, state.anchors[z[:, -1].astype(np.int64)], z[:, :-1])


def nets(shape: tuple[int, ...], s: Settings) -> tuple[Net, Net, Net]:
    """E, F and D: those of DCGAN for images, perceptrons for points."""
    if len(shape) == 1:
        h = 4 * s.width
        return mlp(shape[0], h, s.code), mlp(s.code + s.latent, h, h, shape[0]), mlp(shape[0], h, h, h, 1)
    E = dcgan.discriminator(shape, s.width, out=s.code)
    return E, dcgan.generator(shape, s.code + s.latent, s.width), dcgan.discriminator(shape, s.width)
