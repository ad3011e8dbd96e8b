"""DCGAN (Radford et al. 2016): convolutional nets with batch normalisation in the plain game (``recipes/game.py``)."""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.data import Sample
from tinygan.models import dcgan
from tinygan.optim import require
from tinygan.recipes.game import Game
from tinygan.recipes.options import GameSettings


@dataclass(frozen=True)
class Settings(GameSettings):
    """What can be chosen; by default the paper's loss and norms, and five times its learning rate: small nets and small images
    bear more."""

    width: int = 32  # channels after D's first convolution
    batch_norm_G: bool = True
    batch_norm_D: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require("width", self.width, 1, 2**11 + 1)


class DCGAN(Game):
    """The recipe for images (H, W, C) in [-1, 1]."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s = settings
        G = dcgan.generator(sample.shape, s.latent, s.width, batch_norm=s.batch_norm_G)
        super().__init__(s, sample, G, dcgan.discriminator(sample.shape, s.width, batch_norm=s.batch_norm_D))
