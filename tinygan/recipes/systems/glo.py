"""Generative latent optimisation (Bojanowski et al. 2018): no discriminator; one latent for each image, learned with G.

    min_θ (1/n) Σᵢ min_{‖zᵢ‖ ≤ 1} ℓ(G(zᵢ; θ), xᵢ)        ℓ = Lap₁ (``images.pyramid.laplacian_l1``) or L2

The table Z (n, latent) is initialised by the principal components of the images, or at random. A step moves the rows of its
batch:

    θ ← θ − Adam ∇_θ ℓ        zᵢ ← zᵢ − lr_z ∇_zᵢ ℓ        zᵢ ← zᵢ / max(‖zᵢ‖, 1)

where ℓ is the mean over the batch. New images come from the Gaussian with full covariance fitted to the table:

    z = m + Lε,  ε ~ N(0, 1)        m the mean of Z, LLᵀ its covariance

L is invertible, so every image of the table has an ε too: ε = L⁻¹(zᵢ − m).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log, Scalar
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Dataset, Sample
from tinygan.errors import UsageError
from tinygan.images.pyramid import laplacian_l1
from tinygan.models import dcgan
from tinygan.models.normalise import NormG
from tinygan.optim import Adam, Moments, norm
from tinygan.recipes.spec import Card, RecipeSpec

LEVELS = 3  # times that images are halved, while a side has at least 3 pixels
MOST = 10_000  # images that principal components are computed from
RIDGE = 1e-6  # share of the mean variance added to each, so that the covariance of a degenerate table is invertible


@dataclass(frozen=True)
class Settings(Checked):
    """The paper has SGD with learning rates 1 for G and 10 for z, batches of 128 and batch norm. Adam needs fewer steps.

    ``lr_z`` follows ``adam_G.schedule``.
    """

    RENAMED: ClassVar = {"batch_norm": ("norm_G", {True: "batch", False: "none"})}  # keys of earlier runs

    images: int = setting(2000, "number n of images, the first of the data", least=2, most=2**24 - 1)
    latent: int = setting(32, "numbers in z, the latent vector of an image", least=1, most=2**13)
    width: int = setting(16, "channels before G's last convolution", least=1, most=2**11)
    norm_G: NormG = setting("batch", "normalisation in G")
    loss: Literal["lap1", "l2"] = setting(
        "lap1", "reconstruction loss; lap1: L1 of Laplacian pyramids, l2: mean squared error"
    )
    start: Literal["components", "normal"] = setting(
        "components", "initial latents; components: principal components of the images, normal: N(0, 1)"
    )
    lr_z: float = setting(10.0, "learning rate of the latents", least=0)
    adam_G: Adam = setting(Adam(lr=2e-3, b1=0.9), "optimiser of G")


class State(NamedTuple):
    """Everything that a step changes: weights, batch statistics, Adam's memory, the table."""

    G: Array
    G_running: Array
    G_memory: Moments
    Z: Array


class GLO:
    """A GLO of images (H, W, C) in [-1, 1] with the label "index", below ``images``."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, self.settings, self.shape, self.images = settings, settings, sample.shape, settings.images
        self.G = dcgan.generator(sample.shape, s.latent, s.width, norm=s.norm_G)
        components = min(self.images, math.prod(sample.shape))
        if s.latent > components:
            raise UsageError(f"latent is at most the {components} principal components of the images: got {s.latent}")
        self.nets = {"G": self.G}
        self.levels = sum(-(-min(sample.shape[:2]) // 2**j) > 2 for j in range(LEVELS))

    def init(self, rng: np.random.Generator) -> State:
        """Latents from N(0, 1), projected on the ball; ``begin`` may replace them."""
        g = self.G.init(rng)
        Z = ball(rng.standard_normal((self.images, self.settings.latent), np.float32))
        return State(g, self.G.init_running(g, rng), self.settings.adam_G.init(g), Z)

    def begin(self, state: State, data: Dataset) -> State:
        """The table as the principal components of the first ``images`` images of ``data``, scaled so that the longest is on
        the unit sphere; unchanged where ``start`` is "normal"."""
        if self.settings.start == "normal":
            return state
        flat = self.pixels(data, np.arange(min(self.images, MOST)))
        mean = flat.mean(axis=0)
        axes = np.linalg.svd(flat - mean, full_matrices=False)[2][: self.settings.latent].T
        blocks = (np.arange(i, min(i + MOST, self.images)) for i in range(0, self.images, MOST))
        codes = np.concatenate([(self.pixels(data, block) - mean) @ axes for block in blocks])
        longest = np.linalg.norm(codes, axis=1).max()
        return state._replace(Z=(codes / max(longest, 1e-12)).astype(state.Z.dtype))

    def pixels(self, data: Dataset, index: Array) -> Array:
        return data.batch(index)[0].reshape(len(index), -1)

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of G and of the latents of ``batch``: images x (n, H, W, C), their rows in the table "index" (n,)."""
        s, G, index = self.settings, self.G.bind(state.G_running), batch.labels["index"]
        y, saved = G.forward(state.G, state.Z[index])
        loss, gy = self.loss(y, batch.x)
        pulled = G.backward(state.G, saved, gy)
        lr_z = s.lr_z * s.adam_G.schedule(state.G_memory.t)
        theta, memory = s.adam_G.step(state.G, pulled.theta, state.G_memory)
        Z = state.Z.copy()
        np.subtract.at(Z, index, lr_z * pulled.x)  # a batch across two epochs may contain an image twice
        Z[index] = ball(Z[index])
        log = {
            "loss": loss,
            "L1": float(np.abs(y - batch.x).mean()) / 2,
            "length": float(np.linalg.norm(Z[index], axis=1).mean()),
            "grad_G": norm(pulled.theta),
        }
        return State(theta, self.G.update(state.G_running, state.G, saved), memory, Z), log

    def loss(self, y: Array, x: Array) -> tuple[Scalar, Array]:
        """ℓ(y, x), mean over images and their numbers, and its gradient in y."""
        if self.settings.loss == "l2":
            return float(np.square(y - x).mean()), 2 * (y - x) / y.size
        return laplacian_l1(y, x, self.levels)

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """ε ~ N(0, 1), (n, latent)."""
        return rng.standard_normal((n, self.settings.latent), np.float32)

    def of_index(self, state: State, index: Array) -> Array:
        """ε = L⁻¹(zᵢ − m) of images of the table: index (n,)  →  (n, latent). Raises UsageError."""
        if index.min() < 0 or index.max() >= self.images:
            raise UsageError(f"the table has images 0 to {self.images - 1}: got {', '.join(map(str, index))}")
        mean, factor = gaussian(state.Z)
        eps: Array = np.linalg.solve(factor, (state.Z[index] - mean).T).T.astype(state.Z.dtype)
        return eps

    def sample(self, state: State, z: Array) -> Array:
        """Images (n, H, W, C) in [-1, 1] of ε (n, latent): G(m + Lε), with running statistics."""
        mean, factor = gaussian(state.Z)
        return self.decode(state, (mean + z @ factor.T).astype(state.Z.dtype))

    def decode(self, state: State, z: Array) -> Array:
        """G(z) of rows of the table or between them, with running statistics."""
        return self.G.eval(state.G_running).forward(state.G, z)[0]


def ball(z: Array) -> Array:
    """Each row of z projected onto the unit ball."""
    return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1)


def gaussian(Z: Array) -> tuple[Array, Array]:
    """The mean (latent,) and the Cholesky factor (latent, latent) of the covariance of a table, float64."""
    Z = Z.astype(np.float64)
    covariance = np.cov(Z, rowvar=False).reshape(Z.shape[1], -1)
    ridge = RIDGE * max(np.trace(covariance) / len(covariance), 1e-12)
    return Z.mean(axis=0), np.linalg.cholesky(covariance + ridge * np.eye(len(covariance)))


RECIPE = RecipeSpec(
    name="glo",
    make=GLO,
    settings=Settings,
    purpose="structure of the data",
    about="generator without a discriminator: a latent is learned for each image (Bojanowski et al. 2018)",
    when="to embed, reconstruct and interpolate a fixed set of images",
    card=Card(
        paper="Bojanowski et al. 2018",
        objective="L1 loss of Laplacian pyramids, or squared error; latents learned in the unit ball",
        headline="mean absolute error 0.042 of pixels in [0, 1], 2,000 images of Fashion-MNIST by 32 numbers each",
        file="reproduce/glo.json",
        experiment="fashion",
        claim="mean |error|",
    ),
    device=False,
)
