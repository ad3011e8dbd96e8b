"""DRAGAN (Kodali et al. 2017): the logistic loss, with a penalty that keeps the gradient norm of D at 1 around the data.

    L_D = E sp(−d(x)) + E sp(d(G(z))) + γ E(‖∇d(x + δ)‖ − 1)²,  δ uniform in a box as wide as std(x);  L_G = E sp(−d(G(z)))

with sp(v) = log(1 + eᵛ). Sharp gradients of D around real samples pull many z into one mode; the penalty forbids them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.models.normalise import Norm
from tinygan.recipes.shared.options import Penalty
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """γ is 10 as in the paper, with one step of D for each of G."""

    penalty: Penalty = "dragan"
    norm_D: Norm = "none"


RECIPE = RecipeSpec(
    name="dragan",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
    about="GAN with a gradient penalty around the data (Kodali et al. 2017)",
    when="when dcgan is unstable and wgan-gp is too slow",
    card=Card(
        paper="Kodali et al. 2017",
        objective="non-saturating loss; gradient norm 1 around the data",
        headline="20 of 20 seeds finish",
        file="reproduce/stability.json",
        experiment="seeds",
        claim="dragan: seeds",
    ),
)
