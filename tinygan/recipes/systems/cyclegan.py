"""CycleGAN (Zhu et al. 2017): translators G: A → B and F: B → A learn from pictures of both domains that form no pairs.

    L_{D_B} = ½ E (D_B(b) − 1)² + ½ E D_B(b̃)²,  b̃ from a pool of earlier G(a);      likewise D_A                  (eq. 1, §4)
    L = ½ E (D_B(G(a)) − 1)² + ½ E (D_A(F(b)) − 1)²
        + λ ( mean |F(G(a)) − a| + mean |G(F(b)) − b| )         cycle consistency                                  (eq. 2)
        + λ κ ( mean |G(b) − b| + mean |F(a) − a| )             identity                                           (§5.2)

The paper has no ½ in the losses of G and F: its λ of 10 is 5 here. A sample is [a, b] in its channels (``data/pairs.py``). The
cotangent of the cycle, λ sign(F(G(a)) − a)/n, goes back through F to θ_F and to G(a); with the cotangent from D_B it goes on
through G. All four steps are at the weights before the step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.scalar import Log, Scalar
from tinygan.core.settings import Checked, setting
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError, by
from tinygan.models import cyclegan
from tinygan.objectives.losses import least_squares_d, least_squares_g
from tinygan.optim import Adam, Moments, norm
from tinygan.recipes.shared.replay import Pool, empty, replayed
from tinygan.recipes.spec import Card, RecipeSpec

ADAM = Adam(lr=5e-4, b1=0.5)


@dataclass(frozen=True)
class Settings(Checked):
    """The paper has width 64, six or nine blocks, a learning rate of 2e-4 and batches of one."""

    width: int = setting(
        16, "channels after the first convolution of translators and discriminators; paper: 64", least=1, most=2**10
    )
    blocks: int = setting(3, "residual blocks of a translator; paper: 6 or 9", least=0, most=2**6)
    cycle: float = setting(5.0, "weight λ of cycle consistency; paper: 10, with twice the adversarial loss", least=0)
    identity: float = setting(0.5, "weight κ of the identity loss, as a share of λ", least=0)
    pool: int = setting(
        50,
        "earlier pictures kept for each discriminator, half of whose batches come from there; 0: none",
        least=0,
        most=2**16,
    )
    adam_G: Adam = setting(ADAM, "optimiser of the translators G and F")
    adam_D: Adam = setting(ADAM, "optimiser of the discriminators D_A and D_B")


class State(NamedTuple):
    """Everything that a step changes."""

    G: Array
    F: Array
    D_A: Array
    D_B: Array
    G_memory: Moments
    F_memory: Moments
    D_A_memory: Moments
    D_B_memory: Moments
    pool_A: Pool
    pool_B: Pool


class Direction(NamedTuple):
    """One direction, from x to the other domain and back: G(x), the gradients of both translators, losses."""

    fake: Array
    g_there: Array
    g_back: Array
    losses: tuple[Scalar, Scalar, Scalar]  # adversarial, cycle, identity


class CycleGAN:
    """A CycleGAN of pairs [a, b] (H, W, 2C) in [-1, 1]."""

    batches = 1

    def __init__(self, settings: Settings, sample: Sample) -> None:
        s, self.settings, self.shape = settings, settings, sample.shape
        if len(sample.shape) != 3 or sample.shape[2] % 2:
            raise UsageError(
                f"cyclegan needs pictures of two domains side by side in the channels, as in strokes-edges: "
                f"got samples of {by(sample.shape)}"
            )
        H, W, C = (*sample.shape[:2], sample.shape[2] // 2)
        self.G = self.F = cyclegan.translator((H, W), C, s.width, s.blocks)
        self.D_A = self.D_B = cyclegan.patches(C, s.width)
        self.nets: dict[str, Net] = {"G": self.G, "F": self.F, "D_A": self.D_A, "D_B": self.D_B}

    def init(self, rng: np.random.Generator) -> State:
        s, (g, f, d_A, d_B) = self.settings, (net.init(rng) for net in self.nets.values())
        memories = s.adam_G.init(g), s.adam_G.init(f), s.adam_D.init(d_A), s.adam_D.init(d_B)
        pool = empty(s.pool, (*self.shape[:2], self.shape[2] // 2))
        return State(g, f, d_A, d_B, *memories, pool, pool)

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """One step of all four nets on ``batch.x`` (n, H, W, 2C)."""
        s, (a, b) = self.settings, np.split(batch.x, 2, axis=3)
        to_B = self.direction(self.G, state.G, self.F, state.F, self.D_B, state.D_B, a, b)
        to_A = self.direction(self.F, state.F, self.G, state.G, self.D_A, state.D_A, b, a)
        (pool_A, seen_A), (pool_B, seen_B) = (
            replayed(pool, fake, rng) if s.pool else (pool, fake)
            for pool, fake in ((state.pool_A, to_A.fake), (state.pool_B, to_B.fake))
        )
        loss_A, g_A = self.d_loss(self.D_A, state.D_A, a, seen_A)
        loss_B, g_B = self.d_loss(self.D_B, state.D_B, b, seen_B)
        g_G, g_F = to_B.g_there + to_A.g_back, to_A.g_there + to_B.g_back
        G, G_memory = s.adam_G.step(state.G, g_G, state.G_memory)
        F, F_memory = s.adam_G.step(state.F, g_F, state.F_memory)
        D_A, D_A_memory = s.adam_D.step(state.D_A, g_A, state.D_A_memory)
        D_B, D_B_memory = s.adam_D.step(state.D_B, g_B, state.D_B_memory)
        adversarial, cycle, identity = (sum(pair) for pair in zip(to_B.losses, to_A.losses, strict=True))
        log = {"loss_D": loss_A + loss_B, "loss_G": adversarial, "cycle": cycle / 2, "identity": identity / 2}
        log |= {"grad_G": norm(g_G), "grad_F": norm(g_F), "grad_D": math.hypot(norm(g_A), norm(g_B))}
        return State(G, F, D_A, D_B, G_memory, F_memory, D_A_memory, D_B_memory, pool_A, pool_B), log

    def direction(
        self, G: Net, at_G: Array, F: Net, at_F: Array, D: Net, at_D: Array, x: Array, other: Array
    ) -> Direction:
        """x to the other domain by G and back by F; D classifies G(x); and ``other``, which G should leave unchanged."""
        s, n = self.settings, len(x)
        y, saved = G.forward(at_G, np.concatenate([x, other]))  # instance norms: samples do not affect each other
        fake, left = y[:n], y[n:]
        d, saved_D = D.forward(at_D, fake)
        rebuilt, saved_F = F.forward(at_F, fake)
        adversarial, g_d = least_squares_g(d)
        cycle, g_rebuilt = mean_absolute(rebuilt - x)
        identity, g_left = mean_absolute(left - other)
        back = F.backward(at_F, saved_F, s.cycle * g_rebuilt)
        g_fake = D.backward(at_D, saved_D, g_d, wrt_theta=False).x + back.x
        g_y = np.concatenate([g_fake, s.cycle * s.identity * g_left])
        there = G.backward(at_G, saved, g_y, wrt_x=False).theta
        return Direction(fake, there, back.theta, (adversarial, cycle, identity))

    def d_loss(self, D: Net, at_D: Array, real: Array, fake: Array) -> tuple[Scalar, Array]:
        """D's loss and its gradient in θ_D."""
        d, saved = D.forward(at_D, np.concatenate([real, fake]))
        loss, g_real, g_fake = least_squares_d(*np.split(d, 2))
        return loss, D.backward(at_D, saved, np.concatenate([g_real, g_fake]), wrt_x=False).theta

    def to_B(self, state: State, a: Array) -> Array:
        """G(a), (n, H, W, C) in [-1, 1]."""
        return self.G.forward(state.G, a)[0]

    def to_A(self, state: State, b: Array) -> Array:
        """F(b)."""
        return self.F.forward(state.F, b)[0]

    def cycles(self, state: State, pairs: Array) -> Array:
        """Two rows of four pictures for each [a, b], (2n, 4, H, W, C): a, G(a), F(G(a)), b and b, F(b), G(F(b)), a."""
        a, b = np.split(pairs, 2, axis=3)
        there, back = self.to_B(state, a), self.to_A(state, b)
        up = np.stack([a, there, self.to_A(state, there), b], axis=1)
        down = np.stack([b, back, self.to_B(state, back), a], axis=1)
        return np.stack([up, down], axis=1).reshape(-1, 4, *a.shape[1:])


def mean_absolute(apart: Array) -> tuple[Scalar, Array]:
    """mean |apart| and its gradient sign/size."""
    return float(np.abs(apart).mean()), np.sign(apart) / max(apart.size, 1)


RECIPE = RecipeSpec(
    name="cyclegan",
    make=CycleGAN,
    settings=Settings,
    purpose="translation without pairs",
    about="two translators between two domains, without pairs (Zhu et al. 2017)",
    when="to translate between two sets of pictures that have no pairs",
    card=Card(
        paper="Zhu et al. 2017",
        objective="least-squares loss on patches; cycle consistency; identity loss",
        headline="0.44 of the error of the identity map, Fashion-MNIST and its edges without pairs",
        file="reproduce/cyclegan.json",
        experiment="edges",
        claim="error of both directions",
    ),
    device=False,
    loop={"data": "strokes-edges"},
)
