"""GAN with hinge loss and spectral normalisation (Lim & Ye 2017; Miyato et al. 2018, eq. 16, 17).

    L_D = E max(0, 1 − d(x)) + E max(0, 1 + d(G(z))),      L_G = −E d(G(z))

D gets gradients only from samples inside the margin. Its weights W/σ(W) bound its slope, without a penalty to compute.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.models.normalise import Norm
from tinygan.recipes.shared.options import Loss
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """Hinge loss, spectral normalisation in D."""

    loss: Loss = "hinge"
    norm_D: Norm = "spectral"


RECIPE = RecipeSpec(
    name="hinge",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
    about="GAN with hinge loss and spectral normalisation of D (Miyato et al. 2018)",
    when="for stable training without the cost of a gradient penalty",
    card=Card(
        paper="Miyato et al. 2018",
        objective="hinge loss; spectral normalisation in D",
        headline="20 of 20 seeds finish",
        file="reproduce/stability.json",
        experiment="seeds",
        claim="hinge: seeds",
    ),
)
