"""Projection cGAN (Miyato & Koyama 2018): D multiplies its features with a class embedding; G has class-conditional norms.

d(x, y) = ψ(φ(x)) + ⟨v_y, φ(x)⟩,      L_D of d(x, y) and d(G(y, z), y),      the same y in both
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.core.settings import setting
from tinygan.data import Sample
from tinygan.models import sngan
from tinygan.recipes.shared.class_conditional import ClassConditional, classes
from tinygan.recipes.shared.options import Loss
from tinygan.recipes.shared.residual import ResidualSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(ResidualSettings):
    """The paper has the hinge loss too."""

    loss: Loss = "hinge"
    modulation: float = setting(
        0.2,
        "initial standard deviation of the scales and shifts of each class; 0: all classes are equal at first",
        least=0,
    )
    hierarchical: bool = setting(False, "a part of z enters each block of G (Brock et al. 2019, §3.1)")


class PCGAN(ClassConditional):
    """A class-conditional GAN of square images (S, S, C) in [-1, 1] with the label "class"."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, shape, K = settings, sample.shape, classes("pcgan", sample)
        s.fits(shape)
        modulation, begins = sngan.by_class(K, s.modulation), 0
        if s.hierarchical:
            modulation, begins = sngan.by_parts(shape, K, s.latent, s.modulation), sngan.part(shape, s.latent)
        G = sngan.generator(
            shape, s.latent, s.width_G, given=K, modulation=modulation, begins=begins, attention=s.attention
        )
        super().__init__(s, sample, G, sngan.projection(shape, given=K, **s.of_D))


RECIPE = RecipeSpec(
    name="pcgan",
    make=PCGAN,
    settings=Settings,
    purpose="images of a class or a text",
    about="class-conditional residual GAN with a projection discriminator (Miyato & Koyama 2018)",
    first_choice=True,
    when="first choice for images with class labels",
    card=Card(
        paper="Miyato & Koyama 2018",
        objective=(
            "losses of `dcgan`; projection discriminator and conditional norms; attention, hierarchical latents "
            "(Brock et al. 2019), orthogonal regularisation"
        ),
        headline="accuracy 0.99 of the requested class, MNIST with 5,000 digits",
        file="reproduce/conditional.json",
        experiment="mnist-5k",
        claim="agreement, pcgan",
    ),
)
