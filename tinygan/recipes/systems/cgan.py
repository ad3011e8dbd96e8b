"""Conditional GAN (Mirza & Osindero 2014): the class is concatenated to z in G's input and to every pixel in D's.

L_D of D(x, y) and D(G(y, z), y),   L_G of D(G(y, z), y),      the same y in both
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.data import Sample
from tinygan.models import dcgan
from tinygan.recipes.shared.class_conditional import ClassConditional, classes
from tinygan.recipes.shared.options import ConvolutionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(ConvolutionalSettings):
    """Nets as in dcgan."""


class CGAN(ClassConditional):
    """A class-conditional GAN of images (H, W, C) in [-1, 1] with the label "class"."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, shape, K = settings, sample.shape, classes("cgan", sample)
        G = dcgan.generator(shape, K + s.latent, s.width)
        super().__init__(s, sample, G, dcgan.conditional_discriminator(shape, s.width, K))


RECIPE = RecipeSpec(
    name="cgan",
    make=CGAN,
    settings=Settings,
    purpose="images of a class or a text",
    about="class-conditional GAN, the class concatenated to z and to the pixels (Mirza & Osindero 2014)",
    when="for the simplest class-conditional generator",
    card=Card(
        paper="Mirza & Osindero 2014",
        objective="losses of `dcgan`; the class is an input of G and of D",
        headline="accuracy 0.93 of the requested class, MNIST with 5,000 digits",
        file="reproduce/conditional.json",
        experiment="mnist-5k",
        claim="agreement, cgan",
    ),
)
