"""What can be chosen in every system of a G and a D (``recipes/game.py``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tinygan.errors import UsageError
from tinygan.objectives.orthogonal import Form
from tinygan.optim import Adam, require
from tinygan.recipes.shared.tangents import Orthonormal

Loss = Literal["minimax", "non-saturating", "least-squares", "hinge", "wasserstein"]
Penalty = Literal["none", "r1", "r2", "wgan-gp", "dragan"]


@dataclass(frozen=True)
class GameSettings:
    """The game, its losses, its optimisers."""

    latent: int = 64  # numbers in z
    loss: Loss = "non-saturating"
    smoothing: float = 0.0  # s of the target 1 − s of real images (Salimans et al. 2016, §3.4), of a logistic loss
    penalty: Penalty = "none"
    gamma: float = 10.0  # its weight: γ ½E‖∇D‖² for r1 and r2, γ E(‖∇D‖ − 1)² for the others
    n_critic: int = 1  # steps of D for one of G
    # s is learned; on strokes an η of 1e-4 to 1e-3 evens G's tangents out, and from 1e-2 on D wins
    orthonormal: Orthonormal = Orthonormal(scale=0.0, statistics="batch")
    ortho: float = 0.0  # β ‖WWᵀ ∘ (1 − I)‖² of G's weights (Brock et al. 2019, eq. 3), 1e-4 there; 0: no penalty
    ortho_form: Form = "relaxed"  # classic: β ‖WWᵀ − I‖²
    clip: float = 0.0  # greatest gradient norm; 0: no clipping
    ema: float = 0.99  # decay a step of the average of G's weights that samples come from: over 100 steps
    adam_G: Adam = Adam(lr=1e-3)
    adam_D: Adam = Adam(lr=1e-3)

    def __post_init__(self) -> None:
        for name, most in (("latent", 2**14), ("n_critic", 2**10)):
            require(name, getattr(self, name), 1, most + 1)
        for name in ("smoothing", "ema"):
            require(name, getattr(self, name), 0, 1)
        for name in ("gamma", "clip", "ortho"):
            require(name, getattr(self, name), 0, math.inf)
        if self.smoothing and self.loss not in ("minimax", "non-saturating"):
            raise UsageError(f"smoothing is of a logistic loss, minimax or non-saturating: loss is {self.loss}")
        self.orthonormal.fits(self.latent)


@dataclass(frozen=True)
class ConvolutionalSettings(GameSettings):
    """Those of systems on the nets of DCGAN."""

    width: int = 32  # channels after D's first convolution

    def __post_init__(self) -> None:
        super().__post_init__()
        require("width", self.width, 1, 2**11 + 1)
