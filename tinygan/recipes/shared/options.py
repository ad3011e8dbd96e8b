"""Settings of every system with a generator G and a discriminator D (``adversarial.py``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinygan.core.settings import Checked, setting
from tinygan.errors import UsageError
from tinygan.objectives.orthogonal import Form
from tinygan.optim import Adam
from tinygan.recipes.shared.tangents import Orthonormal

Loss = Literal["minimax", "non-saturating", "least-squares", "hinge", "wasserstein"]
Penalty = Literal["none", "r1", "r2", "wgan-gp", "dragan"]


@dataclass(frozen=True)
class AdversarialSettings(Checked):
    """Losses, penalties and optimisers of a generator G and a discriminator D."""

    latent: int = setting(64, "numbers in z, the latent vector", least=1, most=2**14)
    loss: Loss = setting("non-saturating", "loss of G and D")
    smoothing: float = setting(
        0.0,
        "one-sided label smoothing: D's target for real samples is 1 − smoothing (Salimans et al. 2016, §3.4); "
        "with the losses minimax and non-saturating only",
        least=0,
        below=1,
    )
    penalty: Penalty = setting("none", "gradient penalty of D")
    gamma: float = setting(
        10.0,
        "weight γ of the gradient penalty; γ ½E‖∇D‖² for r1 and r2, γ E(‖∇D‖ − 1)² for wgan-gp and dragan",
        least=0,
    )
    n_critic: int = setting(1, "steps of D for each step of G", least=1, most=2**10)
    # On strokes an η of 1e-4 to 1e-3 makes the lengths of G's tangents more equal; from 1e-2 on D wins.
    orthonormal: Orthonormal = setting(
        Orthonormal(scale=0.0, statistics="batch"), "orthonormality of G's tangents ∂G/∂z (Qi et al. 2018)"
    )
    ortho: float = setting(
        0.0,
        "weight β of orthogonal regularisation of G's weights; 0: none, Brock et al. 2019 have 1e-4",
        least=0,
    )
    ortho_form: Form = setting(
        "relaxed", "form of orthogonal regularisation; relaxed: β ‖WWᵀ ∘ (1 − I)‖², classic: β ‖WWᵀ − I‖²"
    )
    clip: float = setting(0.0, "norm that each net's gradient is clipped to; 0: no clipping", least=0)
    ema: float = setting(0.99, "decay a step of the average of G's weights that samples come from", least=0, below=1)
    adam_G: Adam = setting(Adam(lr=1e-3), "optimiser of G")
    adam_D: Adam = setting(Adam(lr=1e-3), "optimiser of D")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.smoothing and self.loss not in ("minimax", "non-saturating"):
            raise UsageError(
                f"smoothing needs a logistic loss: set loss to minimax or non-saturating, or smoothing=0; it is {self.loss}"
            )
        self.orthonormal.fits(self.latent)


@dataclass(frozen=True)
class ConvolutionalSettings(AdversarialSettings):
    """The same, for systems whose nets are those of DCGAN."""

    width: int = setting(32, "channels after D's first convolution, the narrowest layer", least=1, most=2**11)
