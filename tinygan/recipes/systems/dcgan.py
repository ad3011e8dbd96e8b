"""DCGAN (Radford et al. 2016): convolutional nets with batch normalisation in the plain game (``shared/unconditional.py``)."""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.recipes.shared.unconditional import Nets, UnconditionalSettings


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """What can be chosen; by default the paper's loss and norms, and five times its learning rate: small nets and small images
    bear more."""

    net: Nets = "dcgan"
