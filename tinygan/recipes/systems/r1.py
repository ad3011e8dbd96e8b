"""GAN with logistic loss and the penalty R₁ (Mescheder et al. 2018): the gradient of D on the data goes to zero.

    L_D = E sp(−d(x)) + E sp(d(G(z))) + γ ½ E‖∇d(x)‖²,       L_G = E sp(−d(G(z))),       sp(v) = log(1 + eᵛ)

Without the penalty training oscillates where the data lie on a manifold (the paper's Dirac-GAN); with it training converges
from nearby (thm 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.models.normalise import Norm
from tinygan.recipes.shared.options import Penalty
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """γ is 10 as in the paper."""

    penalty: Penalty = "r1"
    norm_D: Norm = "none"


RECIPE = RecipeSpec(
    name="r1",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
    about="GAN with the R1 penalty: the gradient of D is zero on the data (Mescheder et al. 2018)",
    when="when training oscillates; the regulariser of StyleGAN",
    card=Card(
        paper="Mescheder et al. 2018",
        objective="non-saturating loss; squared gradient norm of D at real samples",
        headline="8 of 8 modes of the ring in every seed, with samples packed by 2",
        file="reproduce/toys.json",
        experiment="ring",
        claim="r1, packed by 2: smallest number of modes",
    ),
)
