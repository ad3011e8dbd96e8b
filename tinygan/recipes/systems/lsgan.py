"""Least squares GAN (Mao et al. 2017, eq. 9): the target of D is 1 on data and 0 on generated samples; that of G is 1.

    L_D = ½ E (d(x) − 1)² + ½ E d(G(z))²,      L_G = ½ E (d(G(z)) − 1)²

The best d is p/(p + q). With targets a of generated and b of real samples and c of G, where b − c = 1 and b − a = 2, G
minimises the Pearson χ² divergence of (p + q)/2 and q (thm 1); the targets 0, 1, 1 work as well in their experiments. A sample
far on D's correct side still has a gradient: the loss does not saturate.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.recipes.shared.options import Loss
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """Least-squares loss."""

    loss: Loss = "least-squares"


RECIPE = RecipeSpec(
    name="lsgan",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
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
