"""Unconditional GANs of points and small images, with a choice of nets: what most systems share.

Two settings act against lost modes. With ``pack`` m, D classifies m samples as one, so that it can see a lack of variety (Lin
et al. 2018, §3.1); with ``replay``, half of the generated images that D is trained on were made earlier (``replay.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.scalar import Log
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.models import dcgan, perceptron
from tinygan.models.normalise import Norm, NormG, biased
from tinygan.recipes.shared.adversarial import AdversarialRecipe, Generated, State
from tinygan.recipes.shared.options import AdversarialSettings
from tinygan.recipes.shared.replay import empty, replayed

Nets = Literal["auto", "dcgan", "perceptron", "maxout"]


@dataclass(frozen=True)
class UnconditionalSettings(AdversarialSettings):
    """Settings of the losses, and of the nets."""

    RENAMED: ClassVar = {  # keys of earlier runs
        "batch_norm_G": ("norm_G", {True: "batch", False: "none"}),
        "batch_norm_D": ("norm_D", {True: "batch", False: "none"}),
    }

    net: Nets = setting("auto", "architecture of both nets; auto: dcgan for images, perceptron for points")
    width: int = setting(
        32,
        "channels after D's first convolution, the narrowest layer; a perceptron has 4 width units in a hidden layer",
        least=1,
        most=2**11,
    )
    norm_G: NormG = setting("batch", "normalisation in G")
    norm_D: Norm = setting("batch", "normalisation in D")
    dropout: float = setting(
        0.0, "dropout rate after D's hidden layers; net=perceptron or maxout only", least=0, below=1
    )
    reach: float = setting(
        0.0,
        "half side of the box where the kinks of D's first layer begin; net=perceptron only, 0: at the origin",
        least=0,
    )
    pack: int = setting(
        1, "samples that D classifies as one (PacGAN, Lin et al. 2018); it divides the batch", least=1, most=2**6
    )
    replay: int = setting(
        0, "size of the pool of earlier generated images that D is trained on too; 0: no pool", least=0, most=2**16
    )


class Unconditional(AdversarialRecipe):
    """A GAN of images (H, W, C) in [-1, 1] or points (d,)."""

    def __init__(self, settings: UnconditionalSettings, sample: Sample) -> None:
        super().__init__(settings, sample, *nets(settings, sample.shape))

    def init(self, rng: np.random.Generator) -> State:
        s = self.settings
        return super().init(rng)._replace(more=empty(s.replay, self.shape) if s.replay else ())

    def step_D(self, state: State, batch: Batch, made: Generated, rng: np.random.Generator) -> tuple[State, Log]:
        if self.settings.replay:
            pool, fake = replayed(state.more, made.x, rng)
            state, made = state._replace(more=pool), made._replace(x=fake)
        return super().step_D(state, batch, made, rng)

    def check_batch(self, n: int) -> None:
        """Raises UsageError where the packs do not divide n samples."""
        self.packs(n)

    def packs(self, n: int) -> int:
        """How many packs n samples make. Raises UsageError where n is no multiple of ``pack``."""
        m = self.settings.pack
        if n % m:
            raise UsageError(f"pack is {m}, which does not divide a batch of {n}: choose another --batch")
        return n // m

    def d_view(self, x: Array, c: Array) -> Array:
        """(N, ..., C) → (N/m, ..., mC): samples i m, ..., i m + m − 1 side by side in the channels. Raises UsageError."""
        n, m = self.packs(len(x)), self.settings.pack
        if m == 1:
            return x
        packs = np.moveaxis(x.reshape(n, m, *x.shape[1:]), 1, -2)
        return packs.reshape(*packs.shape[:-2], -1)

    def d_view_adjoint(self, g: Array) -> Array:
        m = self.settings.pack
        if m == 1:
            return g
        return np.moveaxis(g.reshape(*g.shape[:-1], m, -1), -2, 1).reshape(-1, *self.shape)


def nets(s: UnconditionalSettings, shape: tuple[int, ...]) -> tuple[Net, Net]:
    """G and D for samples of a shape. Raises UsageError."""
    net = {1: "perceptron", 3: "dcgan"}[len(shape)] if s.net == "auto" else s.net
    if s.reach and (net != "perceptron" or not biased(s.norm_D)):
        raise UsageError("reach needs rectifiers with biases in D: set net=perceptron, and norm_D=none or spectral")
    if net == "maxout" and not biased(s.norm_D):
        raise UsageError(f"maxout units have no norm after them: set norm_D to none or spectral; it is {s.norm_D}")
    if net != "dcgan":
        pieces = 5 if net == "maxout" else 0
        packed = (*shape[:-1], s.pack * shape[-1])
        G = perceptron.generator(shape, s.latent, 4 * s.width, norm=s.norm_G)
        more: dict[str, Any] = {"norm": s.norm_D, "pieces": pieces, "dropout": s.dropout, "reach": s.reach}
        D = perceptron.discriminator(packed, 4 * s.width, **more)
        return G, D
    if s.dropout:
        raise UsageError(f"dropout needs net=perceptron or net=maxout: net is {s.net}")
    G = dcgan.generator(shape, s.latent, s.width, norm=s.norm_G)
    D = dcgan.discriminator(shape, s.width, norm=s.norm_D, given=(s.pack - 1) * shape[-1])
    return G, D
