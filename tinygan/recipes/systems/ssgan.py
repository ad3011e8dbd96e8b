"""Self-supervised GAN (Chen et al. 2019): D also predicts by how many quarter turns an image was rotated.

    L_D = L_D(D(x), D(G(z))) − β E log Q(r | Rʳx),      L_G = L_G(D(G(z))) − α E log Q(r | RʳG(z)),    r = 0, 1, 2, 3

Q is a second linear head on D's features; the last quarter of the batch is rotated. D learns Q on real images only, and G makes
images whose rotation Q predicts (as in the authors' code; the printed equations have other signs). α > 0 moves the optimum away
from the data; ``anneal`` lets α fall to zero. With β = α = 0 this is SNGAN (Miyato et al. 2018), and Q learns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log, scalar
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.images.rotation import TURNS, rotations, rotations_adjoint
from tinygan.models import sngan
from tinygan.objectives.losses import accuracy, cross_entropy
from tinygan.recipes.shared.adversarial import AdversarialRecipe, Groups, State
from tinygan.recipes.shared.residual import ResidualSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(ResidualSettings):
    """α and β are those of the paper."""

    alpha: float = setting(0.2, "weight α of the rotation loss of G", least=0)
    beta: float = setting(1.0, "weight β of the rotation loss of D", least=0)
    anneal: int = setting(0, "steps in which α falls to 0; 0: it is constant", least=0)
    self_modulated: bool = setting(
        False, "z modulates the norms of every block of G (Chen et al. 2019, Self-modulation)"
    )


class SSGAN(AdversarialRecipe):
    """An SSGAN of square images (S, S, C) in [-1, 1]."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, shape = settings, sample.shape
        s.fits(shape)
        D = sngan.discriminator(shape, heads=(1, TURNS), **s.of_D)
        modulation = sngan.by_itself(s.latent) if s.self_modulated else None
        G = sngan.generator(shape, s.latent, s.width_G, modulation=modulation, attention=s.attention)
        super().__init__(s, sample, G, D)

    def d_inputs(self, batch: Batch, c: Array, fake: Array) -> Groups:
        return super().d_inputs(batch, c, fake) | self.turned(batch.x, self.settings.beta)

    def objective_D(self, y: Groups, batch: Batch) -> tuple[Log, Groups]:
        log, g = super().objective_D(y, batch)
        return self.with_rotation(log, g, y, "real", self.settings.beta)

    def g_inputs(self, c: Array, fake: Array) -> Groups:
        return super().g_inputs(c, fake) | self.turned(fake, self.settings.alpha)

    def objective_G(self, y: Groups, batch: Batch, t: int) -> tuple[Log, Groups]:
        log, g = super().objective_G(y, batch, t)
        fall = scalar(np.maximum(0.0, 1 - t / self.settings.anneal)) if self.settings.anneal else 1.0
        return self.with_rotation(log, g, y, "fake", fall * self.settings.alpha)

    def g_inputs_adjoint(self, g: Groups) -> Array:
        gx = super().g_inputs_adjoint(g)
        if "turned" in g:
            q = quarter(gx)
            gx[-q:] = rotations_adjoint(np.concatenate([gx[-q:], g["turned"]]))
        return gx

    def turned(self, x: Array, weight: float) -> Groups:
        """The last quarter of the images, by one, two and three quarter turns; upright they are in the batch already."""
        return {"turned": rotations(x[-quarter(x) :])[0][quarter(x) :]} if weight else {}

    def with_rotation(self, log: Log, g: Groups, y: Groups, upright: str, weight: float) -> tuple[Log, Groups]:
        """The log and the cotangents, with the rotation loss of the groups ``upright`` and "turned" added."""
        if "turned" not in y:
            return log, g
        q = quarter(y[upright])
        logits = np.concatenate([y[upright][-q:], y["turned"]])[:, 1:]
        label = np.repeat(np.arange(TURNS, like=logits), q)
        loss, gy = cross_entropy(logits, label)
        g[upright][-q:, 1:] += weight * gy[:q]
        g["turned"] = np.zeros_like(y["turned"])
        g["turned"][:, 1:] = weight * gy[q:]
        return log | {f"rotation_{upright}": loss, f"turns_{upright}": accuracy(logits, label)}, g

    def logits(self, state: State, x: Array) -> Array:
        """D's outputs on images x, (n, 1 + 4): the logit of real against generated, and the logits of the turns."""
        return self.D.eval(state.D_running).forward(state.D, x)[0]


def quarter(x: Array) -> int:
    """How many images of a batch are rotated: a quarter, and at least one."""
    return max(1, len(x) // TURNS)


RECIPE = RecipeSpec(
    name="ssgan",
    make=SSGAN,
    settings=Settings,
    purpose="images without labels",
    about="residual GAN whose D also predicts rotations (Chen et al. 2019)",
    when="for square colour images without labels, where dcgan is too small",
    card=Card(
        paper="Chen et al. 2019",
        objective="losses of `dcgan` plus a rotation loss; self-modulation, attention, orthogonal regularisation",
        headline="0.80 times the Frechet distance without the rotation loss, CIFAR-10 (JPEG)",
        file="reproduce/ssgan.json",
        experiment="cifar",
        claim="SS-GAN / unconditional",
    ),
)
