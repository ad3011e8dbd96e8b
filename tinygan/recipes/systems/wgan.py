"""Wasserstein GAN (Arjovsky et al. 2017): a critic that is Lipschitz because its weights are clipped.

    W₁(p, q) = sup over ‖d‖_Lip ≤ 1 of E_p d − E_q d       (Kantorovich & Rubinstein)

    n_critic times:  θ_D ← clip(θ_D + RMSProp ∇( E d(x) − E d(G(z)) ), −c, c);       once:  θ_G ← θ_G + RMSProp ∇ E d(G(z))

so −``loss_D`` is W₁ up to the Lipschitz constant that c allows. RMSProp is Adam with β₁ = 0: the same running mean of squares,
with its start corrected. The authors' code takes 100 steps of the critic for each of G's first 25; here n_critic is constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygan.core.scalar import Log
from tinygan.core.settings import setting
from tinygan.data import Batch
from tinygan.models.normalise import Norm
from tinygan.optim import Adam
from tinygan.recipes.shared.adversarial import Generated, State
from tinygan.recipes.shared.options import Loss
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec

ADAM = Adam(lr=2e-4, b1=0.0, b2=0.99)


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """The paper has a learning rate of 5e-5, for longer runs."""

    loss: Loss = "wasserstein"
    n_critic: int = 5
    most: float = setting(0.01, "c, which the critic's weights are clipped to", least=1e-30)
    norm_D: Norm = "batch"
    adam_G: Adam = ADAM
    adam_D: Adam = ADAM


class WGAN(Unconditional):
    """A WGAN of images (H, W, C) in [-1, 1] or points (d,)."""

    def step_D(self, state: State, batch: Batch, made: Generated, rng: np.random.Generator) -> tuple[State, Log]:
        state, log = super().step_D(state, batch, made, rng)
        c = self.settings.most
        return state._replace(D=np.clip(state.D, -c, c)), log


RECIPE = RecipeSpec(
    name="wgan",
    make=WGAN,
    settings=Settings,
    purpose="images without labels",
    about="Wasserstein GAN, the critic's weights clipped (Arjovsky et al. 2017)",
    when="to compare with wgan-gp, which is usually better",
    card=Card(
        paper="Arjovsky et al. 2017",
        objective="wasserstein loss; the critic's weights are clipped",
        headline="20 of 20 seeds finish",
        file="reproduce/stability.json",
        experiment="seeds",
        claim="wgan: seeds",
    ),
)
