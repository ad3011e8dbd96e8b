"""ScratchGAN (de Masson d'Autume et al. 2019): a GAN of strings, whose tokens pass no gradient from D to G.

    a_t ~ π_t = softmax G(a₁ … a_{t−1}),     r_t = 2σ(D(a₁ … a_t)) − 1,     R_t = Σ_{s ≥ t} γ^{s−t} r_s              (§3.1)
    L_D = cross-entropy of real and generated, at every token
    ∇L_G = −E Σ_t (R_t − b) ∇ log π_t(a_t)        the score-function estimator (Williams 1992), rewards constant

so the cotangent of G's logits at step t is (R_t − b)(π_t − onehot(a_t)) / n. The baseline b lowers the variance and leaves the
expectation unchanged, because it does not depend on the batch: it is a running mean of R over earlier steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.scalar import Log
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError, by
from tinygan.models import scratch
from tinygan.objectives.losses import logistic_d
from tinygan.optim import Adam, Moments, norm
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(Checked):
    """For news the paper has batches of 512, two layers of 512 units in G, γ = 0.23, and 0.08 for the baseline."""

    width_G: int = setting(64, "units of G's LSTM", least=1, most=2**12)
    width_D: int = setting(64, "units of D's LSTM", least=1, most=2**12)
    discount: float = setting(0.9, "discount γ of later rewards; paper: 0.23", least=0, most=1)
    follow: float = setting(0.08, "share of a step's mean return that enters the baseline b", least=0, most=1)
    adam_G: Adam = setting(Adam(lr=3e-3), "optimiser of G")
    adam_D: Adam = setting(Adam(lr=3e-3), "optimiser of D")


class State(NamedTuple):
    """Everything that a step changes."""

    D: Array
    G: Array
    D_memory: Moments
    G_memory: Moments
    baseline: float = 0.0


class ScratchGAN:
    """A GAN of strings as one-hot rows (T, tokens)."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, self.settings, self.shape = settings, settings, sample.shape
        if len(sample.shape) != 2:
            raise UsageError(f"scratchgan needs strings, one-hot rows of tokens: got samples of {by(sample.shape)}")
        tokens = sample.shape[1]
        self.D = scratch.reader(tokens, s.width_D, 1)
        self.G = scratch.reader(tokens, s.width_G, tokens)
        self.nets = {"D": self.D, "G": self.G}

    def init(self, rng: np.random.Generator) -> State:
        d, g = self.D.init(rng), self.G.init(rng)
        return State(d, g, self.settings.adam_D.init(d), self.settings.adam_G.init(g))

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """A step of D on ``batch.x`` (n, T, tokens) and generated strings, and one of G on the latter, both from one state."""
        s, n = self.settings, len(batch.x)
        made = self.sample(state, self.latents(n, rng))
        d, saved = self.D.forward(state.D, np.concatenate([batch.x, made]))
        real, fake = d[:n], d[n:]
        loss_D, g_real, g_fake = logistic_d(real, fake)
        g_D = self.D.backward(state.D, saved, np.concatenate([g_real, g_fake]), wrt_x=False).theta
        returns = self.returns(fake[..., 0])
        g_G = self.score_gradient(state.G, made, returns - state.baseline)
        D, D_memory = s.adam_D.step(state.D, g_D, state.D_memory)
        G, G_memory = s.adam_G.step(state.G, g_G, state.G_memory)
        baseline = (1 - s.follow) * state.baseline + s.follow * float(returns.mean())
        log = {"loss_D": loss_D, "D_real": float(real.mean()), "D_fake": float(fake.mean())}
        log |= {"reward": float(returns[:, 0].mean()), "grad_D": norm(g_D), "grad_G": norm(g_G)}
        return State(D, G, D_memory, G_memory, baseline), log

    def returns(self, d: Array) -> Array:
        """R (n, T) of D's logits (n, T)."""
        R = np.tanh(d / 2)  # 2σ(d) − 1
        for t in reversed(range(R.shape[1] - 1)):
            R[:, t] += self.settings.discount * R[:, t + 1]
        return R

    def score_gradient(self, theta: Array, made: Array, advantage: Array) -> Array:
        """−1/n Σ_i Σ_t A_t ∇ log π_t(a_t) of strings ``made`` (n, T, tokens) and their A (n, T)."""
        logits, saved = self.G.forward(theta, scratch.shifted(made))
        g = advantage[..., None] * (scratch.softmax(logits) - made) / len(made)
        return self.G.backward(theta, saved, g.astype(theta.dtype, copy=False), wrt_x=False).theta

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """u, uniform in [0, 1), (n, T): one for each token."""
        return rng.random((n, self.shape[0]), np.float32)

    def sample(self, state: State, z: Array) -> Array:
        """One-hot strings (n, T, tokens)."""
        return scratch.spoken(self.G, state.G, z)


RECIPE = RecipeSpec(
    name="scratchgan",
    make=ScratchGAN,
    settings=Settings,
    purpose="strings",
    about="GAN for strings, trained by REINFORCE (de Masson d'Autume et al. 2019)",
    when="for sequences of tokens, through which no gradient passes from D to G",
    card=Card(
        paper="de Masson d'Autume et al. 2019",
        objective="logistic loss at each token; REINFORCE with a moving baseline",
        headline="94.3 % of generated strings are words of a toy language, without a likelihood",
        file="reproduce/scratchgan.json",
        experiment="patterns",
        claim="strings that are words",
    ),
    device=False,
    loop={"data": "patterns"},
)
