"""Least squares GAN (Mao et al. 2017, eq. 9): D regresses to 1 on data and 0 on samples, G to 1.

    L_D = ½ E (d(x) − 1)² + ½ E d(G(z))²,      L_G = ½ E (d(G(z)) − 1)²

The best d is p/(p + q). With targets a, b, c where b − c = 1 and b − a = 2 G minimises the Pearson χ² of (p + q)/2 and q (their
thm 1); these targets, 0, 1, 1, they found as good. A sample far on D's right side still pulls: no saturation.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.recipes.shared.options import Loss
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """What can be chosen."""

    loss: Loss = "least-squares"


RECIPE = RecipeSpec(
    name="lsgan",
    make=Unconditional,
    settings=Settings,
    purpose="images",
    about="GAN with a least-squares loss (Mao et al. 2017)",
    when="when gradients of the logistic loss vanish",
    card=Card(
        paper="Mao et al. 2017",
        objective="least-squares loss",
        headline="20 of 20 seeds finish",
        file="reproduce/stability.json",
        experiment="seeds",
        claim="lsgan: seeds",
    ),
)
