"""WGAN with a gradient penalty (Gulrajani et al. 2017, alg. 1), which keeps the critic's gradient norm at 1.

    L_D = E d(G(z)) − E d(x) + γ E(‖∇d(x̂)‖ − 1)²,   x̂ = εx + (1 − ε)G(z), ε ~ U[0, 1];      L_G = −E d(G(z))

−``loss_D`` estimates W₁(data, G). The points x̂ lie between data and generated samples. The penalty is on the gradient at each
sample, so D has no batch normalisation, which would mix samples; the paper has layer normalisation instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.models.normalise import Norm
from tinygan.optim import Adam
from tinygan.recipes.shared.options import Loss, Penalty
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec

ADAM = Adam(lr=5e-4, b1=0.0, b2=0.9)


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """The paper has a learning rate of 1e-4, and γ = 10; its code has 0.1 for points."""

    loss: Loss = "wasserstein"
    penalty: Penalty = "wgan-gp"
    n_critic: int = 5
    norm_D: Norm = "none"
    adam_G: Adam = ADAM
    adam_D: Adam = ADAM


RECIPE = RecipeSpec(
    name="wgan-gp",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
    about="Wasserstein GAN with a gradient penalty (Gulrajani et al. 2017)",
    when="when a GAN drops modes, or when the loss should estimate a distance; slow, D has 5 steps for each of G",
    card=Card(
        paper="Gulrajani et al. 2017",
        objective="wasserstein loss; gradient norm 1 between real and generated samples",
        headline="997 modes of 1,000 of Stacked-MNIST",
        file="reproduce/toys.json",
        experiment="stacked",
        claim="wgan-gp: modes",
    ),
)
