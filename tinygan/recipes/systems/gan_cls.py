"""GAN-CLS, text to image, with a D that is also given mismatched pairs (Reed et al. 2016, algorithm 1 and §4.3).

    s_real = D(x, t),   s_wrong = D(x, t'),   s_fake = D(G(z, t̂), t̂)
    L_D = E sp(−s_real) + w E sp(s_wrong) + (1 − w) E sp(s_fake),      L_G = E sp(−s_fake),      sp(v) = log(1 + eᵛ)

t is the caption of the real image x (``data/captions.py``), t' that of the next image in the batch with another caption.
Without mismatched pairs only G's own mistakes teach D that images and texts belong together. GAN-INT: in half of the batch
t̂ is the mean of t and the caption of another image, for which there is no real image; otherwise t̂ = t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.data.captions import BRIGHTNESS_WORDS, Captions
from tinygan.errors import UsageError
from tinygan.models import text
from tinygan.objectives.losses import mean_softplus
from tinygan.recipes.shared.adversarial import Groups
from tinygan.recipes.shared.class_conditional import ClassConditional, classes
from tinygan.recipes.shared.options import ConvolutionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(ConvolutionalSettings):
    """Nets as in dcgan; the loss is logistic."""

    wrong: float = setting(0.5, "weight w of mismatched pairs in D's loss; 0: none", least=0, below=1)
    interpolate: bool = setting(False, "half of the captions are means of two captions (GAN-INT)")
    dark: float = setting(
        0.55, "brightness, 0 to 1, below which a caption calls an image dark", values="above 0 and below bright"
    )
    # Nearly thirds of Fashion-MNIST.
    bright: float = setting(
        0.7, "brightness, 0 to 1, from which a caption calls an image bright", values="above dark and below 1"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.dark < self.bright < 1:
            raise UsageError(
                f"dark is {self.dark} and bright is {self.bright}; expected 0 < dark < bright < 1, shares of full brightness"
            )
        if self.loss not in ("minimax", "non-saturating"):
            raise UsageError(f"gan-cls needs a logistic loss: set loss to minimax or non-saturating; it is {self.loss}")


class GANCLS(ClassConditional):
    """A text-to-image GAN of images (H, W, C) in [-1, 1] with the label "class", whose classes have names."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, shape = settings, sample.shape
        classes("gan-cls", sample)
        self.captions = Captions(sample.names, s.dark, s.bright)
        V = len(self.captions.vocabulary)
        G = text.generator(shape, V, s.latent, s.width)
        super().__init__(s, sample, G, text.discriminator(shape, V, s.width))
        self.cond_dim = V

    def texts(self, batch: Batch) -> Array:
        """t (n, V) of the samples of a batch."""
        return self.captions.of(batch.x, batch.labels["class"])

    def condition(self, batch: Batch) -> Array:
        """t̂ (n, V)."""
        t = self.texts(batch)
        half = len(t) // 2 if self.settings.interpolate else 0
        return np.concatenate([(t[:half] + np.roll(t, 1, axis=0)[:half]) / 2, t[half:]])

    def d_inputs(self, batch: Batch, c: Array, fake: Array) -> Groups:
        t = self.texts(batch) if self.settings.interpolate else c
        groups = {"real": self.d_view(batch.x, t), "fake": self.d_view(fake, c)}
        if self.settings.wrong and (t != t[0]).any():  # where all captions are equal no pair is mismatched
            groups["wrong"] = self.d_view(batch.x, t[mismatched(t)])
        return groups

    def objective_D(self, y: Groups, batch: Batch) -> tuple[Log, Groups]:
        log, g = super().objective_D(y, batch)
        if "wrong" in y:
            w = self.settings.wrong
            (fake, g_fake), (wrong, g_wrong) = (mean_softplus(y[name], +1) for name in ("fake", "wrong"))
            log["loss_D"] += w * (wrong - fake)
            log["right-wrong"] = float(y["real"].mean() - y["wrong"].mean())
            g |= {"fake": (1 - w) * g_fake, "wrong": w * g_wrong}
        return log, g

    def condition_of(self, label: Array, rng: np.random.Generator) -> Array:
        """Captions of the classes, with random brightness."""
        return self.captions.compose(rng.integers(len(BRIGHTNESS_WORDS), size=len(label)), label)

    def of_text(self, text: str, n: int, rng: np.random.Generator) -> Array:
        """[t, z] of one text. Raises UsageError."""
        return self.with_noise(np.repeat(self.captions.read(text)[None], n, axis=0), rng)


def mismatched(t: Array) -> Array:
    """For each of the texts t (n, V) the index of the next different one, cyclically. There must be two different texts."""
    n, which = len(t), np.unique(t, axis=0, return_inverse=True)[1].reshape(-1)
    places = (np.arange(n)[:, None] + np.arange(n)) % n
    found: Array = places[np.arange(n), (which[places] != which[:, None]).argmax(axis=1)]
    return found


RECIPE = RecipeSpec(
    name="gan-cls",
    make=GANCLS,
    settings=Settings,
    purpose="images of a class or a text",
    about="text-to-image GAN whose D also sees mismatched pairs (Reed et al. 2016)",
    when="to generate images from captions",
    card=Card(
        paper="Reed et al. 2016",
        objective="logistic loss on images and captions, mismatched captions included; interpolated captions",
        headline="86.6 % of images have the class of their caption, Fashion-MNIST",
        file="reproduce/conditional.json",
        experiment="text",
        claim="class as in the text, %, with (",
    ),
    device=False,
)
