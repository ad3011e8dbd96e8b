"""GRAN, generative recurrent adversarial networks (Im et al. 2016): G paints in T steps; D is DCGAN's.

    h_z = tanh(BN(W z)),  h_{c,1} = 0,      ΔC_t = f([h_z, h_{c,t}]),  h_{c,t+1} = g(ΔC_t),      G(z) = tanh(Σ_t ΔC_t)

g encodes the last contribution to the canvas, from which f computes the next; all steps share z. With T = 1 it is a DCGAN.
Runs are compared by battles (``evaluation/battle.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.settings import setting
from tinygan.data import Sample
from tinygan.models import dcgan, gran
from tinygan.models.normalise import Norm
from tinygan.recipes.shared.adversarial import AdversarialRecipe, State
from tinygan.recipes.shared.options import ConvolutionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(ConvolutionalSettings):
    """The paper has 3 or 5 steps."""

    steps: int = setting(3, "steps T in which G paints; paper: 3 or 5", least=1, most=2**6)
    norm_D: Norm = setting("batch", "normalisation in D")


class GRAN(AdversarialRecipe):
    """A GRAN of images (H, W, C) in [-1, 1]."""

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, shape = settings, sample.shape
        G = gran.generator(shape, s.latent, s.width, s.steps)
        super().__init__(s, sample, G, dcgan.discriminator(shape, s.width, norm=s.norm_D))

    def canvases(self, state: State, z: Array) -> Array:
        """tanh(ΔC_1 + … + ΔC_t) for every t, (N, T, H, W, C) in [-1, 1]; the last are the samples.   z (N, latent)."""
        s, images = self.settings, []
        for t in range(1, s.steps + 1):
            G = gran.generator(self.shape, s.latent, s.width, t)
            images.append(G.eval(state.G_running[: G.running_size]).forward(state.G_ema[: G.size], z)[0])
        return np.stack(images, axis=1)


RECIPE = RecipeSpec(
    name="gran",
    make=GRAN,
    settings=Settings,
    purpose="images without labels",
    about="GAN whose G paints an image in steps (Im et al. 2016)",
    when="to see an image form in a few steps",
    card=Card(
        paper="Im et al. 2016",
        objective="losses of `dcgan`; G adds to a canvas in T steps",
        headline="r_sample 0.53 in battles of T = 3 against T = 1, Fashion-MNIST, none of them decided",
        file="reproduce/gran.json",
        experiment="fashion",
        claim="T = 3 against 1: r_sample",
    ),
)
