"""Auxiliary-classifier GAN (Odena et al. 2017): D is not given the class but predicts it, of real and of generated images.

    L_S: the losses of real against generated,      L_C = −E log P(y | x) − E log P(y | G(y, z))
    D minimises L_S(D) + w L_C,  G minimises L_S(G) − w E log P(y | G(y, z))

G prefers images that are easy to classify: within a class they vary less than real ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.core.layer import Array
from tinygan.core.scalar import Log, Scalar
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.models import dcgan
from tinygan.objectives.losses import accuracy, cross_entropy
from tinygan.recipes.shared.adversarial import Groups
from tinygan.recipes.shared.class_conditional import ClassConditional, classes
from tinygan.recipes.shared.options import ConvolutionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(ConvolutionalSettings):
    """Nets as in dcgan; D has a second head."""

    auxiliary: float = setting(1.0, "weight w of the auxiliary classification loss", least=0)
    label_smoothing: float = setting(
        0.0, "share of a label that is spread over all classes (Szegedy et al. 2016, §7)", least=0, below=1
    )


class ACGAN(ClassConditional):
    """A class-conditional GAN of images (H, W, C) in [-1, 1] with the label "class"."""

    conditional_d = False

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, shape, K = settings, sample.shape, classes("acgan", sample)
        D = dcgan.discriminator(shape, s.width, out=1 + K)
        super().__init__(s, sample, dcgan.generator(shape, K + s.latent, s.width), D)

    def objective_D(self, y: Groups, batch: Batch) -> tuple[Log, Groups]:
        log, g = super().objective_D(y, batch)
        label = batch.labels["class"]
        for name in ("real", "fake"):
            log[f"class_{name}"] = self.add_classes(y, g, name, label)
            log[f"told_{name}"] = accuracy(y[name][:, 1:], label)
        return log, g

    def objective_G(self, y: Groups, batch: Batch, t: int) -> tuple[Log, Groups]:
        log, g = super().objective_G(y, batch, t)
        self.add_classes(y, g, "fake", batch.labels["class"])
        return log, g

    def add_classes(self, y: Groups, g: Groups, name: str, label: Array) -> Scalar:
        """−E log P(label); its cotangent is added to that of the group."""
        loss, gy = cross_entropy(y[name][:, 1:], label, self.settings.label_smoothing)
        g[name][:, 1:] += self.settings.auxiliary * gy
        return loss


RECIPE = RecipeSpec(
    name="acgan",
    make=ACGAN,
    settings=Settings,
    purpose="images of a class or a text",
    about="class-conditional GAN with an auxiliary classifier in D (Odena et al. 2017)",
    when="when D should also classify; samples of a class vary less than real ones",
    card=Card(
        paper="Odena et al. 2017",
        objective="losses of `dcgan` plus an auxiliary classification loss",
        headline="accuracy 0.91 of the requested class, MNIST with 5,000 digits",
        file="reproduce/conditional.json",
        experiment="mnist-5k",
        claim="agreement, acgan",
    ),
)
