"""DCGAN (Radford et al. 2016): an unconditional GAN of convolutional nets with batch normalisation."""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.recipes.shared.unconditional import Nets, Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """The paper's loss and norms, and five times its learning rate, which small nets and small images allow."""

    net: Nets = "dcgan"


RECIPE = RecipeSpec(
    name="dcgan",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
    about="convolutional GAN with a choice of losses and penalties (Radford et al. 2016)",
    first_choice=True,
    when="first choice for images without labels",
    card=Card(
        paper="Radford et al. 2016",
        objective=(
            "minimax, non-saturating, least-squares, hinge or wasserstein loss; penalties r1, r2, wgan-gp, "
            "dragan; orthonormal tangents"
        ),
        headline="Frechet distance 7.39 (own features), Fashion-MNIST, 600 steps of 32",
        file="reproduce/landscape.json",
        experiment="fashion",
        claim="non-saturating, none, batch",
    ),
)
