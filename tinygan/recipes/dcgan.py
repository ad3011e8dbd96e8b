"""DCGAN (Radford et al. 2016): convolutional nets with batch normalisation in the plain game (``recipes/game.py``)."""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.data import Sample
from tinygan.models import dcgan
from tinygan.recipes.game import Game
from tinygan.recipes.options import ConvolutionalSettings


@dataclass(frozen=True)
class Settings(ConvolutionalSettings):
    """What can be chosen; by default the paper's loss and norms, and five times its learning rate: small nets and small images
    bear more."""

    batch_norm_G: bool = True
    batch_norm_D: bool = True


class DCGAN(Game):
    """The recipe for images (H, W, C) in [-1, 1]."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s = settings
        G = dcgan.generator(sample.shape, s.latent, s.width, batch_norm=s.batch_norm_G)
        D = dcgan.discriminator(sample.shape, s.width, norm="batch" if s.batch_norm_D else "none")
        super().__init__(s, sample, G, D)
