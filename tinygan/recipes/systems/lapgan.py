"""LAPGAN (Denton et al. 2015): a GAN at each level of a Laplacian pyramid, each trained independently.

    x_{k+1} = d(x_k),   l_k = u(x_{k+1}),   h_k = x_k − l_k                       (``images/pyramid.py``; eq. 3, 4)
    level k < L:        D_k(l + h) for real h_k or h̃_k = G_k(z_k, l_k),   the same l_k      (eq. 5, 6)
    level L:            a GAN of the coarsest images x_L
    a sample:           x̃_L = G_L(z_L),   x̃_k = u(x̃_{k+1}) + G_k(z_k, u(x̃_{k+1}))            (eq. 7)

A level is an ``AdversarialRecipe`` whose condition is l_k, which is part of the image that D gets. With ``classes`` all nets
are class-conditional too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array, onehot
from tinygan.core.net import Net
from tinygan.core.scalar import Log, scalar
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError, by
from tinygan.images.pyramid import build, enlarged
from tinygan.layers.pyramid import half
from tinygan.models import lapgan
from tinygan.objectives.losses import MIDDLE
from tinygan.recipes.shared import adversarial
from tinygan.recipes.shared.adversarial import AdversarialRecipe, Groups
from tinygan.recipes.shared.class_conditional import classes
from tinygan.recipes.shared.options import ConvolutionalSettings
from tinygan.recipes.spec import Card, RecipeSpec

LEAST = 4  # pixels along a side of the coarsest image


@dataclass(frozen=True)
class Settings(ConvolutionalSettings):
    """The same at all levels. The paper has 64 or 128 channels and SGD."""

    levels: int = setting(2, "number L of halvings of the image", least=1, most=8)
    latent: int = setting(32, "numbers in z of the coarsest level; finer levels have one a pixel", least=1, most=2**14)
    width: int = setting(
        16, "channels of a convolution; the coarsest level's perceptrons have 16 width units", least=1, most=2**11
    )
    classes: bool = setting(False, "make all nets class-conditional")
    dropout: float = setting(0.5, "dropout rate in the discriminators", least=0, below=1)


class State(NamedTuple):
    """The state of the GAN of each level, the finest first."""

    levels: tuple[adversarial.State, ...]


class Level(AdversarialRecipe):
    """The GAN of one level: x is h, c is [l, class]. At the coarsest x is the image, and there is no l."""

    def __init__(self, settings: Settings, shape: tuple[int, ...], kinds: int, *, coarsest: bool) -> None:
        s, self.kinds = settings, kinds
        self.noises = s.latent if coarsest else math.prod(shape[:2])
        self.enlarged = 0 if coarsest else math.prod(shape)  # numbers in l
        if coarsest:
            G, D = lapgan.coarsest(shape, kinds, s.latent, s.width, s.dropout)
        else:
            G, D = lapgan.residual(shape, kinds, s.width), lapgan.discriminator(shape, kinds, s.width, s.dropout)
        super().__init__(s, Sample(shape), G, D)
        self.cond_dim, self.conditional_d = self.enlarged + kinds, kinds > 0

    def condition(self, batch: Batch) -> Array:
        parts = [batch.labels["coarse"].reshape(len(batch.x), -1)] if self.enlarged else []
        parts += [onehot(batch.labels["class"], self.kinds)] if self.kinds else []
        return np.concatenate(parts, axis=1) if parts else super().condition(batch)

    def d_view(self, x: Array, c: Array) -> Array:
        """l + h, and the class."""
        image = x + c[:, : self.enlarged].reshape(x.shape) if self.enlarged else x
        return super().d_view(image, c[:, self.enlarged :])

    def objective_D(self, y: Groups, batch: Batch) -> tuple[Log, Groups]:
        log, g = super().objective_D(y, batch)
        middle = MIDDLE.get(self.settings.loss, 0.0)
        return log | {"accuracy": scalar((y["real"] > middle).mean() + (y["fake"] <= middle).mean()) / 2}, g

    def noise(self, n: int, rng: np.random.Generator) -> Array:
        return rng.standard_normal((n, self.noises), np.float32)


class LAPGAN:
    """A LAPGAN of images (H, W, C) in [-1, 1], with the label "class" where ``classes`` is set."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, self.settings, self.shape = settings, settings, sample.shape
        self.kinds = classes("lapgan with classes", sample) if s.classes else 0
        shapes = sizes(sample.shape, s.levels)
        self.levels = [Level(s, shape, self.kinds, coarsest=shape is shapes[-1]) for shape in shapes]
        named = enumerate(self.levels)
        self.nets: dict[str, Net] = {f"levels.{k}.{name}": net for k, g in named for name, net in g.nets.items()}
        self.batches = s.n_critic

    def init(self, rng: np.random.Generator) -> State:
        return State(tuple(each.init(rng) for each in self.levels))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of the GAN of every level on the pyramid of ``batch.x``."""
        *residuals, image = build(batch.x, self.settings.levels)
        new: list[adversarial.State] = []
        log: Log = {}
        for k in reversed(range(len(self.levels))):
            x, labels = image, batch.labels
            if k < len(residuals):
                x = residuals[k]
                coarse = enlarged(image, *x.shape[1:3])
                image, labels = coarse + x, labels | {"coarse": coarse}
            level, log_k = self.levels[k].step(state.levels[k], Batch(x, labels), rng)
            new.append(level)
            log |= {f"{name}_{k}": value for name, value in log_k.items()}
        return State(tuple(new[::-1])), log

    # ---------------------------------------------------------------- samples

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """[c, z_L, …, z_0] of each sample with a random class, (n, K + all noises)."""
        return self._rows(rng.integers(max(self.kinds, 1), size=n), rng)

    def of_class(self, label: int, n: int, rng: np.random.Generator) -> Array:
        """The same of one class. Raises UsageError."""
        if not self.kinds:
            raise UsageError("this lapgan is not class-conditional: train one with --set classes=true")
        if not 0 <= label < self.kinds:
            raise UsageError(f"there is no class {label}: they are 0 to {self.kinds - 1}")
        return self._rows(np.full(n, label), rng)

    def images(self, state: State, z: Array) -> list[Array]:
        """x̃_L, …, x̃_0, each (N, H_k, W_k, C), from latents."""
        c, at = z[:, : self.kinds], self.kinds
        made: list[Array] = []
        for level, each in zip(reversed(state.levels), reversed(self.levels), strict=True):
            noise = z[:, at : at + each.noises]
            at += each.noises
            coarse = enlarged(made[-1], *each.shape[:2]) if made else None
            l = coarse.reshape(len(z), -1) if coarse is not None else z[:, :0]
            x = each.sample(level, np.concatenate([l, c, noise], axis=1))
            made.append(x if coarse is None else coarse + x)
        return made

    def canvases(self, state: State, z: Array) -> Array:
        """The same, each enlarged to the size of the last, (N, L + 1, H, W, C)."""
        made = self.images(state, z)
        for k, smaller in enumerate(reversed(self.levels[:-1])):
            made[: k + 1] = [enlarged(x, *smaller.shape[:2]) for x in made[: k + 1]]
        return np.clip(np.stack(made, axis=1), -1, 1)

    def sample(self, state: State, z: Array) -> Array:
        """Images (N, H, W, C) in [-1, 1]."""
        return np.clip(self.images(state, z)[-1], -1, 1)

    def _rows(self, label: Array, rng: np.random.Generator) -> Array:
        noises = [each.noise(len(label), rng) for each in reversed(self.levels)]
        return np.concatenate([onehot(label, self.kinds), *noises], axis=1)


def sizes(shape: tuple[int, ...], levels: int) -> list[tuple[int, ...]]:
    """The shapes of all levels, the finest first. Raises UsageError."""
    if len(shape) != 3:
        raise UsageError(f"lapgan needs images: got samples of {by(shape)}")
    found: list[Any] = [shape]
    for _ in range(levels):
        found.append((*(half(n) for n in found[-1][:2]), shape[2]))
    if min(found[-1][:2]) < LEAST:
        raise UsageError(
            f"{levels} levels would halve {by(shape)} to {by(found[-1])}, below {LEAST} pixels: set levels lower"
        )
    return found


RECIPE = RecipeSpec(
    name="lapgan",
    make=LAPGAN,
    settings=Settings,
    purpose="images without labels",
    about="a GAN at each level of a Laplacian pyramid (Denton et al. 2015)",
    when="to generate images from coarse to fine",
    card=Card(
        paper="Denton et al. 2015",
        objective="losses of `dcgan` at each level of the pyramid",
        headline="Frechet distance 9.16 (own features), Fashion-MNIST; 34.1 for the coarse images enlarged",
        file="reproduce/lapgan.json",
        experiment="fashion",
        claim="Frechet distance (own features), LAPGAN",
    ),
)
