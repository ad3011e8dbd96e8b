"""DCGAN (Radford et al. 2016): convolutional nets with batch normalisation in the plain game (``recipes/plain.py``)."""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.recipes.shared.unconditional import Nets, PlainSettings


@dataclass(frozen=True)
class Settings(PlainSettings):
    """What can be chosen; by default the paper's loss and norms, and five times its learning rate: small nets and small images
    bear more."""

    net: Nets = "dcgan"
