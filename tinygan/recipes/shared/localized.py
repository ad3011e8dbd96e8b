"""The local generator G(x, z) = F([E(x), z]) of the Localized GAN (Qi et al. 2018): its state, its step, its charts.

At z = 0 it reconstructs its anchor, G(x, 0) ≈ x. As z moves, G(x, z) moves along the manifold of the data. The tangents at the
anchor, τⱼ = ∂G(x, z)/∂zⱼ at z = 0, are exact and cheap: z enters F only, so E needs no tangents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net, Pullback
from tinygan.core.scalar import Log, Scalar, scalar
from tinygan.core.settings import Checked, setting
from tinygan.models import dcgan
from tinygan.models.mlp import mlp
from tinygan.objectives.penalties import along_latent
from tinygan.optim import Adam, Moments, ema, norm
from tinygan.recipes.shared.tangents import Orthonormal

ANCHORS = 64  # samples of the last batch that the state keeps, to sample around them


@dataclass(frozen=True)
class LocalSettings(Checked):
    """Settings of a local generator. "Code" below is the value of the authors' code for images."""

    latent: int = setting(8, "dimension N of the charts; code: 10 for MNIST, 32 for CelebA", least=1, most=2**14)
    code: int = setting(64, "numbers in E(x), the code of an image", least=1, most=2**14)
    width: int = setting(
        32, "channels after the first convolution; for points a hidden layer has 4 width units", least=1, most=2**11
    )
    sigma: float = setting(1.0, "standard deviation of z; code: 3", least=0)
    mu: float = setting(50.0, "weight μ of locality, which keeps G(x, 0) at x; code: 20", least=0)
    locality: Literal["squared", "absolute"] = setting(
        "absolute", "distance of G(x, 0) from x; squared: E‖G(x, 0) − x‖² (paper), absolute: mean |G(x, 0) − x| (code)"
    )
    orthonormal: Orthonormal = setting(
        Orthonormal(eta=2.0, tangents=4, samples=32, statistics="batch"),
        "orthonormality of the tangents ∂G/∂z at z = 0",
    )
    ema: float = setting(0.99, "decay a step of the averages of E and F that samples come from", least=0, below=1)
    adam_G: Adam = setting(Adam(lr=1e-3), "optimiser of E and F")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.orthonormal.fits(self.latent)


class LocalState(NamedTuple):
    """Everything that a step changes."""

    E: Array
    F: Array
    E_running: Array
    F_running: Array
    E_ema: Array
    F_ema: Array
    E_memory: Moments
    F_memory: Moments
    tangent: Scalar  # the running mean of ‖τ‖²; 0: none yet


class LocalSamples(NamedTuple):
    """G(x, z) and G(x, 0) of n anchors, F's input [E(x), 0] of the latter, and what their backward needs."""

    displaced: Array
    at_anchor: Array
    at_0: Array
    saved: tuple[Any, Any, Any]


class LocalGenerator:
    """G for images (H, W, C) in [-1, 1] or points (d,)."""

    def __init__(self, settings: LocalSettings, shape: tuple[int, ...]) -> None:
        self.settings = s = settings
        if len(shape) == 1:
            h = 4 * s.width
            self.E, self.F = mlp(shape[0], h, s.code), mlp(s.code + s.latent, h, h, shape[0])
        else:
            self.E = dcgan.discriminator(shape, s.width, out=s.code)
            self.F = dcgan.generator(shape, s.code + s.latent, s.width)

    def init(self, rng: np.random.Generator) -> LocalState:
        e, f = self.E.init(rng), self.F.init(rng)
        running = self.E.init_running(e, rng), self.F.init_running(f, rng)
        adam = self.settings.adam_G
        return LocalState(e, f, *running, e, f, adam.init(e), adam.init(f), 0.0)

    def make(self, state: LocalState, x: Array, z: Array) -> LocalSamples:
        """G(x, z) and G(x, 0) in training.   x (n, *shape), z (n, N)."""
        E, F = self.E.bind(state.E_running), self.F.bind(state.F_running)
        code, saved_E = E.forward(state.E, x)
        at_0 = np.concatenate([code, np.zeros_like(z)], axis=1)
        displaced, saved_z = F.forward(state.F, np.concatenate([code, z], axis=1))
        at_anchor, saved_0 = F.forward(state.F, at_0)
        return LocalSamples(displaced, at_anchor, at_0, (saved_E, saved_z, saved_0))

    def step(
        self,
        state: LocalState,
        x: Array,
        made: LocalSamples,
        g_displaced: Array,
        g_at_anchor: Array,
        rng: np.random.Generator,
        more: Pullback | None = None,
    ) -> tuple[LocalState, Log]:
        """θ ← θ − Adam ∇ [L(G(x, z), G(x, 0)) + μ ‖G(x, 0) − x‖ + η ‖JᵀJ − I‖] where L is given by its cotangents.

        ``more`` is the pullback of a further term to F's first inputs [E(x), 0] and weights.
        """
        s = self.settings
        saved_E, saved_z, saved_0 = made.saved
        E, F = self.E.bind(state.E_running), self.F.bind(state.F_running)
        distance, g_distance = self.locality(made.at_anchor, x)
        log = {"locality": distance}
        moving = F.backward(state.F, saved_z, g_displaced)
        staying = F.backward(state.F, saved_0, g_at_anchor + s.mu * g_distance)
        terms, tangent = [moving, staying] + ([more] if more else []), state.tangent
        if s.orthonormal.eta:
            log["orthonormal"], tangent, pulled = s.orthonormal.step(
                self.F, state.F_running, state.F, made.at_0, s.latent, state.tangent, rng
            )
            terms.append(pulled)
        g_code, g_F = np.zeros_like(made.at_0[:, : s.code]), sum(term.theta for term in terms)
        for term in terms:
            g_code[: len(term.x)] += term.x[:, : s.code]
        g_E = E.backward(state.E, saved_E, g_code, wrt_x=False).theta
        e, E_memory = s.adam_G.step(state.E, g_E, state.E_memory)
        f, F_memory = s.adam_G.step(state.F, g_F, state.F_memory)
        return LocalState(
            E=e,
            F=f,
            E_running=self.E.update(state.E_running, state.E, saved_E),
            F_running=self.F.update(self.F.update(state.F_running, state.F, saved_z), state.F, saved_0),
            E_ema=ema(state.E_ema, e, s.ema),
            F_ema=ema(state.F_ema, f, s.ema),
            E_memory=E_memory,
            F_memory=F_memory,
            tangent=tangent,
        ), log | {"grad_E": norm(g_E), "grad_F": norm(g_F)}

    def locality(self, at_anchor: Array, x: Array) -> tuple[Scalar, Array]:
        """E‖G(x, 0) − x‖² or the mean of |G(x, 0) − x|, and its gradient in G(x, 0)."""
        r = at_anchor - x
        if self.settings.locality == "squared":
            return scalar(np.square(r).sum() / len(r)), 2 / len(r) * r
        return scalar(np.abs(r).mean()), np.sign(r) / r.size

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, σ² I), (n, N)."""
        return self.settings.sigma * rng.standard_normal((n, self.settings.latent), np.float32)


class Charts:
    """A trained system with a local generator, evaluated with averaged weights; its state has ``local`` and ``anchors``."""

    G: LocalGenerator
    shape: tuple[int, ...]

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, σ² I), and in the last column the number of an anchor, (n, N + 1)."""
        return np.concatenate([self.G.latents(n, rng), rng.integers(0, ANCHORS, (n, 1)).astype(np.float32)], axis=1)

    def sample(self, state: Any, z: Array) -> Array:
        """G(x, z) around the anchors that the state keeps."""
        return self.local(state, state.anchors[z[:, -1].astype(np.int64)], z[:, :-1])

    def local(self, state: Any, x: Array, z: Array) -> Array:
        """G(x, z).   x (n, *shape), z (n, N)."""
        F, code = self._chart(state.local, x)
        return F.forward(state.local.F_ema, np.concatenate([code, z], axis=1))[0]

    def tangents(self, state: Any, x: Array) -> tuple[Array, Array]:
        """G(x, 0) (n, *shape) and all τⱼ (N, n, *shape)."""
        F, code = self._chart(state.local, x)
        N = self.G.settings.latent
        at_0 = np.concatenate([code, np.zeros((len(x), N), code.dtype)], axis=1)
        y, tau, _ = F.jvp(state.local.F_ema, at_0, along_latent(at_0, N))
        return y, tau

    @property
    def latent(self) -> int:
        """The number of coordinates."""
        return self.G.settings.latent

    @property
    def spread(self) -> float:
        """σ, the standard deviation of z in training."""
        return self.G.settings.sigma

    def _chart(self, local: LocalState, x: Array) -> tuple[Net, Array]:
        """F in evaluation mode, and E(x) (n, code)."""
        return self.G.F.eval(local.F_running), self.G.E.eval(local.E_running).forward(local.E_ema, x)[0]
