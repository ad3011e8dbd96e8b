"""tinygan's side in the cases of training steps: systems, weights, data, and the number of operations.

Operations are counted for the direct forms, including padding, and only where they are needed: not for x̄ of a first layer or
for weight gradients of a frozen network. A penalty shares a forward pass if possible (R1), and G(z) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from tinygan.core.compose import Residual, Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.data import Batch, Sample
from tinygan.layers import ConvTranspose2d, Linear, Reshape, Softplus
from tinygan.models import sngan
from tinygan.objectives.penalties import orthonormal, through_jvp
from tinygan.optim import Adam
from tinygan.recipes.shared.adversarial import AdversarialRecipe
from tinygan.recipes.shared.options import AdversarialSettings
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.recipes.shared.unconditional import Unconditional
from tinygan.recipes.systems.dcgan import Settings

Figures = dict[str, Any]
BATCH = 64
ADAM = Adam(lr=2e-4, b1=0.5, b2=0.999)  # Radford et al. 2016, §4
EPS_OF_CHECK = 1e-2  # ε of Adam in a checked step: with 1e-8 the first update is lr sign(g), which depends on rounding
ADAM_SNGAN = Adam(lr=2e-4, b1=0.0, b2=0.9)  # Miyato et al. 2018, §4


# ---------------------------------------------------------------- steps


def dcgan(size: int, latent: int, **options: Any) -> Unconditional:
    return Unconditional(
        Settings(latent=latent, width=64, adam_G=ADAM, adam_D=ADAM, **options), Sample((size, size, 3))
    )


def sngan32(width: int = 64) -> AdversarialRecipe:
    """The networks of Miyato et al. 2018 with the hinge loss, one step of D per step of G, and no spectral normalisation."""
    settings = AdversarialSettings(latent=128, loss="hinge", adam_G=ADAM_SNGAN, adam_D=ADAM_SNGAN)
    G, D = sngan.generator(latent=128, width=width), sngan.discriminator(width=width, spectral=False)
    return AdversarialRecipe(settings, Sample((32, 32, 3)), G, D)


class Steps:
    """Training steps of one system on one batch of noise images; ``whole`` steps, or steps of D alone."""

    def __init__(
        self, make: Callable[[], AdversarialRecipe], dtype: Any = np.float32, *, whole: bool = True, batch: int = BATCH
    ) -> None:
        self.system, self.whole = make(), whole
        state = self.system.init(np.random.default_rng(0))
        size = self.system.G.out_shape((self.system.settings.latent,))
        self.state = cast(state, dtype)
        self.real = np.random.default_rng(1).uniform(-1, 1, (batch, *size)).astype(np.float32).astype(dtype)
        self.rng = np.random.default_rng(2)

    def __call__(self) -> Figures:
        system = self.system
        if self.whole:
            self.state, log = system.step(self.state, Batch(self.real, {}), self.rng)
        else:
            made = system.generate(self.state, system.latents(len(self.real), self.rng))
            self.state, log = system.step_D(self.state, Batch(self.real, {}), made, self.rng)
        return log

    def first(self) -> Figures:
        """Losses, gradients (m = (1 − b₁) g) and updates of the first step."""
        s, before = self.system.settings, self.state
        adam_D, adam_G = (replace(adam, eps=EPS_OF_CHECK) for adam in (s.adam_D, s.adam_G))
        self.system.settings = replace(s, adam_D=adam_D, adam_G=adam_G)
        log = self()
        self.system.settings, after = s, self.state
        figures = {"loss_D": log["loss_D"] + (s.gamma * log["penalty"] if s.penalty != "none" else 0)}
        figures |= {"gradient_D": after.D_memory.m / (1 - s.adam_D.b1), "update_D": after.D - before.D}
        if self.whole:
            figures |= {"loss_G": log["loss_G"]}
            figures |= {"gradient_G": after.G_memory.m / (1 - s.adam_G.b1), "update_G": after.G - before.G}
        return figures

    def noise(self) -> tuple[np.ndarray, np.ndarray]:
        """The z and ε drawn in the first step."""
        rng, n = np.random.default_rng(2), len(self.real)
        return self.system.latents(n, rng), rng.random(n).astype(np.float32)

    def flop(self) -> float:
        s, n = self.system, len(self.real)
        G, D = Cost.of(s.G, (s.settings.latent,)), Cost.of(s.D, self.real.shape[1:])
        penalty = {"r1": 2 * D.forward + D.first, "wgan-gp": 4 * D.forward}.get(s.settings.penalty, 0)
        critic = 2 * (3 * D.forward - D.first) + penalty
        if not self.whole:
            return n * (G.forward + critic)
        return n * (3 * G.forward - G.first + critic + 2 * D.forward)


def cast(state: Any, dtype: Any) -> Any:
    """Convert a state to another dtype."""
    if isinstance(state, tuple):
        return type(state)(*(cast(part, dtype) for part in state))
    return state.astype(dtype) if isinstance(state, np.ndarray) else state


# ---------------------------------------------------------------- tangents, samples


class Tangents:
    """Value and θ-gradient of E‖JᵀJ − I‖² along e₁ … e_K, for 32 points and K = 8."""

    N, K, LATENT = 32, 8, 64

    def __init__(self, dtype: Any = np.float32) -> None:
        self.net = Net(
            *(Linear(self.LATENT, 4 * 4 * 256), Reshape(4, 4, 256), Softplus()),
            *(ConvTranspose2d(256, 128, 4, stride=2, pad=1), Softplus()),
            *(ConvTranspose2d(128, 64, 4, stride=2, pad=1), Softplus()),
            ConvTranspose2d(64, 1, 4, stride=2, pad=1),
        )
        rng = np.random.default_rng(0)
        self.theta = self.net.init(rng).astype(dtype)
        self.z = rng.standard_normal((self.N, self.LATENT), np.float32).astype(dtype)
        self.E = np.repeat(np.eye(self.K, self.LATENT, dtype=dtype)[:, None], self.N, axis=1)

    def __call__(self) -> tuple[float, Any]:
        return through_jvp(self.net, self.theta, self.z, self.E, orthonormal(), wrt_x=False)

    def first(self) -> Figures:
        value, pulled = self()
        return {"value": value, "gradient": pulled.theta}

    def flop(self) -> float:
        cost = Cost.of(self.net, (self.LATENT,))
        return (1 + self.K) * self.N * (3 * cost.forward - cost.first)


class Samples:
    """1,000 images of DCGAN-32's generator in evaluation mode, 100 at a time."""

    N, CHUNK = 1000, 100

    def __init__(self, dtype: Any = np.float32) -> None:
        self.system, rng = dcgan(32, 128), np.random.default_rng(0)
        self.state = self.system.init(rng)
        running = self.state.G_running + rng.uniform(0, 0.1, self.state.G_running.shape).astype(np.float32)
        self.state = cast(self.state._replace(G_running=running), dtype)
        self.z = self.system.latents(self.N, rng).astype(dtype)

    def __call__(self) -> np.ndarray:
        return np.concatenate([self.system.sample(self.state, z) for z in np.split(self.z, self.N // self.CHUNK)])

    def first(self) -> Figures:
        return {"images": self()}

    def flop(self) -> float:
        return self.N * Cost.of(self.system.G, (self.system.settings.latent,)).forward


# ---------------------------------------------------------------- operations


@dataclass
class Cost:
    """Operations per sample: of a forward pass, and of the layers at the network's input, whose x̄ is not needed."""

    forward: float = 0.0
    first: float = 0.0
    seen: list[tuple[Layer, float]] = field(default_factory=list)

    @classmethod
    def of(cls, net: Net, shape: tuple[int, ...]) -> Cost:
        parts = list(weights(net.f, tuple(shape), True))
        return cls(sum(flop for flop, _ in parts), sum(flop for flop, meets in parts if meets))


def weights(f: Layer, shape: tuple[int, ...], meets: bool) -> Iterator[tuple[float, bool]]:
    """(operations, whether it is at the network's input) of each layer with a weight."""
    if isinstance(f, Residual):
        for child in f.children:
            yield from weights(child, shape, meets)
    elif isinstance(f, Sequential):
        for child in f.children:
            yield from weights(child, shape, meets)
            meets = meets and "w" not in child.shapes and not isinstance(child, Residual)
            shape = child.out_shape(shape)
    elif "w" in f.shapes:
        yield operations(f, shape, f.out_shape(shape)), meets


def operations(f: Layer, shape: tuple[int, ...], out: tuple[int, ...]) -> float:
    """Twice the number of multiply-adds: each tap at each position of the window."""
    w, kind = f.shapes["w"], type(f).__name__
    if kind == "Linear":
        return 2.0 * w[0] * w[1]
    taps = 16 * w[2] * w[3] if kind in ("UpConv2d", "ConvPool2d") else w[0] * w[1] * w[2] * w[3]
    H, W, _ = shape if kind in ("UpConv2d", "ConvTranspose2d") else out
    return 2.0 * H * W * taps


STEPS = {
    "dcgan32_step": partial(Steps, partial(dcgan, 32, 128)),
    "dcgan64_step": partial(Steps, partial(dcgan, 64, 100)),
    "wgan_gp_step": partial(
        Steps, partial(dcgan, 32, 128, loss="wasserstein", penalty="wgan-gp", norm_D="none"), whole=False
    ),
    "r1_step": partial(Steps, partial(dcgan, 32, 128, penalty="r1", norm_D="none"), whole=False),
    "sngan32_step": partial(Steps, sngan32),
}
# 8 orthonormal tangents, at all latents of the batch or at some; η = 1, so that they matter in the check of gradients
CONSTRAINED = {
    f"8 tangents at {n} of {BATCH}": partial(
        Steps,
        partial(dcgan, 32, 128, orthonormal=Orthonormal(1.0, tangents=8, samples=n, scale=0.0, statistics="batch")),
    )
    for n in (BATCH, Orthonormal.samples)
}
OURS: dict[str, Callable[..., Any]] = {**STEPS, "orthonormal_k8": Tangents, "sample": Samples}
