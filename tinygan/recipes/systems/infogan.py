"""InfoGAN (Chen et al. 2016): G gets codes c beside its noise, and a head Q on D's features predicts them from the image.

    c = (onehot k, u),  k ~ Cat(K),  u ~ U(−1, 1)ᵐ;      L_I(k) = E log Q(k | G(c, z)) + ln K,   L_I(u) = −E Σ ½(uⱼ − μⱼ)²
    D minimises L_D − λ L_I(k) − λ' L_I(u),      G minimises L_G − λ L_I(k) − λ' L_I(u)

L_I(k) is a lower bound, in nats, on the mutual information of an image and its category (eq. 4), at most ln K;
Q(u | x) = N(μ(x), 1), without its constants. The meaning of the codes is not supervised. D is not given them; it is trained
together with Q's head, as in the authors' code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygan.core.layer import Array, onehot
from tinygan.core.scalar import Log, scalar
from tinygan.core.settings import setting
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.models import infogan
from tinygan.objectives.losses import cross_entropy
from tinygan.optim import Adam
from tinygan.recipes.shared.adversarial import AdversarialRecipe, Groups, State
from tinygan.recipes.shared.options import ConvolutionalSettings
from tinygan.recipes.spec import Card, RecipeSpec

REACH, COLUMNS = 2.0, 10  # of a sweep of a continuous code: twice the range of training, as in the paper's fig. 2


@dataclass(frozen=True)
class Settings(ConvolutionalSettings):
    """ "Paper" is appendix C.1, for MNIST."""

    width: int = 16
    categories: int = setting(10, "values K of the categorical code", least=2, most=2**10)
    continuous: int = setting(2, "number m of continuous codes, uniform in [−1, 1]", least=0, most=2**7)
    information: float = setting(1.0, "weight λ of the information about the categorical code", least=0)
    information_continuous: float = setting(
        0.5, "weight λ' of the information about the continuous codes; 1 in the authors' code", least=0
    )
    adam_D: Adam = Adam(lr=2e-4)  # paper


class InfoGAN(AdversarialRecipe):
    """An InfoGAN of images (H, W, C) in [-1, 1].

    Codes are a random condition: a step adds them to its batch as the label "codes".
    """

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, shape = settings, sample.shape
        self.cond_dim = s.categories + s.continuous
        G = infogan.generator(shape, self.cond_dim + s.latent, s.width)
        super().__init__(s, sample, G, infogan.discriminator(shape, s.width, self.cond_dim))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        return super().step(state, Batch(batch.x, {"codes": self.codes(len(batch.x), rng)}), rng)

    def condition(self, batch: Batch) -> Array:
        return batch.labels["codes"]

    def objective_D(self, y: Groups, batch: Batch) -> tuple[Log, Groups]:
        log, g = super().objective_D(y, batch)
        return log | self.add_codes(y, g, batch), g

    def objective_G(self, y: Groups, batch: Batch, t: int) -> tuple[Log, Groups]:
        log, g = super().objective_G(y, batch, t)
        self.add_codes(y, g, batch)
        return log, g

    def add_codes(self, y: Groups, g: Groups, batch: Batch) -> Log:
        """L_I(k) and −L_I(u) of the generated images; their cotangents, weighted, are added to those of the loss."""
        s, K, c = self.settings, self.settings.categories, batch.labels["codes"]
        wrong, g_logits = cross_entropy(y["fake"][:, 1 : 1 + K], c[:, :K].argmax(axis=1))
        gap = y["fake"][:, 1 + K :] - c[:, K:]
        g["fake"][:, 1 : 1 + K] += s.information * g_logits
        g["fake"][:, 1 + K :] += s.information_continuous * gap / len(gap)
        log = {"L_I": math.log(K) - wrong}
        return log | ({"cont": scalar(np.square(gap).sum()) / (2 * len(gap))} if s.continuous else {})

    # ---------------------------------------------------------------- codes

    def codes(self, n: int, rng: np.random.Generator) -> Array:
        """Random c (n, K + m)."""
        s = self.settings
        category = onehot(rng.integers(s.categories, size=n), s.categories)
        return np.concatenate([category, rng.uniform(-1, 1, (n, s.continuous)).astype(np.float32)], axis=1)

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """Random [c, z]."""
        return np.concatenate([self.codes(n, rng), self.noise(n, rng)], axis=1)

    def code_sweep(self, code: str, rng: np.random.Generator) -> Array:
        """[c, z] in rows and columns, (rows, columns, cond_dim + latent), with one z for each row. Raises UsageError.

        "c0", the category: a column for each, the other codes 0. "c1" to "cm", continuous: a row for each category, columns
        from −2 to 2.
        """
        s, K = self.settings, self.settings.categories
        names = [f"c{j}" for j in range(1 + s.continuous)]
        if code not in names:
            raise UsageError(f"there is no code {code!r}: they are {', '.join(names)}")
        j, category = names.index(code), np.eye(K, dtype=np.float32)
        rows, columns = (K, COLUMNS) if j else (COLUMNS, K)
        x = np.zeros((rows, columns, self.cond_dim + s.latent), np.float32)
        x[..., :K] = category[:, None] if j else category
        x[..., self.cond_dim :] = self.noise(rows, rng)[:, None]
        if j:
            x[..., K + j - 1] = np.linspace(-REACH, REACH, columns)
        return x

    def read(self, state: State, x: Array) -> tuple[Array, Array]:
        """Q's predictions for images x: logits of the categories (n, K), and means of the continuous codes (n, m)."""
        y = self.D.eval(state.D_running).forward(state.D, x)[0]
        return y[:, 1 : 1 + self.settings.categories], y[:, 1 + self.settings.categories :]


RECIPE = RecipeSpec(
    name="infogan",
    make=InfoGAN,
    settings=Settings,
    purpose="structure of the data",
    about="GAN with latent codes that a head of D predicts from the image (Chen et al. 2016)",
    when="to find categories and factors of variation without labels",
    card=Card(
        paper="Chen et al. 2016",
        objective="losses of `dcgan` plus a bound on the mutual information of codes and images",
        headline="accuracy 88.8 % of categories found without labels, drawn digits",
        file="reproduce/infogan.json",
        experiment="strokes",
        claim="accuracy of categories",
    ),
)
