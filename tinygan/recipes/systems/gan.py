"""The original GAN (Goodfellow et al. 2014): perceptrons, D with maxout units and dropout, k steps of D for each of G.

    min_G max_D V = E log D(x) + E log(1 − D(G(z))),     D = σ(d)

For a fixed G the best D is p/(p + q), with the densities p of the data and q of G, and there V = −log 4 + 2 JSD(p, q)
(thm 1): D measures the Jensen-Shannon divergence. It is also the mutual information, in nats, of a fair coin and the sample
that it chooses from p or q. ``loss_D`` is −V: 2 log 2 = 1.386 where D cannot separate real from generated.
With the loss "minimax" G minimises V too, which saturates; with "non-saturating" it minimises −E log D(G(z)), as they advise
(§3).
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.models.normalise import Norm, NormG
from tinygan.optim import Adam
from tinygan.recipes.shared.unconditional import Nets, Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """k is ``n_critic``. In the paper G for MNIST has 1,200 units, and the optimiser is SGD with momentum."""

    net: Nets = "maxout"
    norm_G: NormG = "none"
    norm_D: Norm = "none"
    dropout: float = 0.5
    adam_G: Adam = Adam(lr=2e-4)
    adam_D: Adam = Adam(lr=2e-4)


RECIPE = RecipeSpec(
    name="gan",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
    about="the original GAN: perceptrons, D with maxout units and dropout (Goodfellow et al. 2014)",
    when="to study the original algorithm, on points or small images",
    card=Card(
        paper="Goodfellow et al. 2014",
        objective="losses of `dcgan`; maxout units and dropout in D",
        headline="value of a trained D within 0.0006 nats of −log 4 + 2 JSD",
        file="reproduce/fgan.json",
        experiment="information",
        claim="N(0, 1), N(1, 1.3²): |V",
    ),
)
