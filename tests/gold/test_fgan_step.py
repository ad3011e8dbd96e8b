"""Whole steps of f-GAN, against autograd on the table of Nowozin et al. 2016 as it is printed, and torch.optim.Adam."""

import math

import pytest

from tinygan.data import Sample
from tinygan.optim import Adam
from tinygan.recipes.systems.fgan import FGAN, Settings

from .game_nets import Convolutional
from .game_twin import AVERAGE, follow
from .twins import F, torch

PI, ALPHA = 0.3, {"alpha below 1": 0.4, "alpha below 0": -0.7, "alpha above 1": 1.6}


class Jeffrey(torch.autograd.Function):
    """f*(t) = sup_u (ut − (u − 1) log u), whose derivative is the u of the supremum, by bisection of log u."""

    @staticmethod
    def forward(ctx, t):
        low, high = torch.full_like(t, -50.0), torch.full_like(t, 50.0)
        for _ in range(100):
            y = (low + high) / 2
            below = y + 1 - torch.exp(-y) < t
            low, high = torch.where(below, y, low), torch.where(below, high, y)
        u = torch.exp(low)
        ctx.save_for_backward(u)
        return u * t - (u - 1) * low

    @staticmethod
    def backward(ctx, g):
        (u,) = ctx.saved_tensors
        return g * u


def power(t, a):
    """f* of the alpha row where its base is positive, −1/α elsewhere."""
    b = 1 + (a - 1) * t
    return torch.where(b > 0, b.clamp(min=1e-300) ** (a / (a - 1)), torch.zeros_like(b)) / a - 1 / a


def tilted(shift):
    return lambda v: shift - F.softplus(-v, threshold=100)


def same(v):
    return v


PRINTED = {  # g_f(v) and f*(t), tables 2 and 6
    "total-variation": (lambda v: torch.tanh(v) / 2, same),
    "kl": (same, lambda t: torch.exp(t - 1)),
    "reverse-kl": (lambda v: -torch.exp(-v), lambda t: -1 - torch.log(-t)),
    "pearson": (same, lambda t: torch.where(t > -2, t**2 / 4 + t, -torch.ones_like(t))),
    "neyman": (lambda v: 1 - torch.exp(-v), lambda t: 2 - 2 * torch.sqrt(1 - t)),
    "squared-hellinger": (lambda v: 1 - torch.exp(-v), lambda t: t / (1 - t)),
    "jeffrey": (same, Jeffrey.apply),
    "jensen-shannon": (tilted(math.log(2)), lambda t: -torch.log(2 - torch.exp(t))),
    "weighted-jensen-shannon": (
        tilted(-PI * math.log(PI)),
        lambda t: (1 - PI) * torch.log((1 - PI) / (1 - PI * torch.exp(t / PI))),
    ),
    "gan": (tilted(0.0), lambda t: -torch.log(1 - torch.exp(t))),
}
PRINTED |= {name: (same if a > 1 else tilted(1 / (1 - a)), lambda t, a=a: power(t, a)) for name, a in ALPHA.items()}


class Twin(Convolutional):
    def __init__(self, recipe, state):
        super().__init__(recipe, state)
        s = recipe.settings
        g, conjugate = PRINTED[next((name for name, a in ALPHA.items() if a == s.alpha), s.divergence)]
        self.of_D = lambda real, fake: conjugate(g(fake)).mean() - g(real).mean()
        self.of_G = (lambda fake: -conjugate(g(fake)).mean()) if s.saturating else (lambda fake: -g(fake).mean())


@pytest.mark.parametrize("saturating", [True, False], ids=["saturating", "non-saturating"])
@pytest.mark.parametrize("name", PRINTED)
def test_steps_of_fgan_are_those_of_autograd_and_adam(name, saturating):
    row = {"divergence": "alpha", "alpha": ALPHA[name]} if name in ALPHA else {"divergence": name, "pi": PI}
    settings = Settings(
        **row,
        saturating=saturating,
        latent=6,
        width=2,
        ema=AVERAGE,
        adam_G=Adam(lr=1e-2, b1=0.5, b2=0.9, eps=1e-4),
        adam_D=Adam(lr=2e-2, b1=0.4, b2=0.99),
    )
    follow(FGAN(settings, Sample((28, 28, 1))), Twin)


def test_steps_with_a_penalty_and_two_of_D_are_those_of_autograd_and_adam():
    settings = Settings(divergence="kl", penalty="r1", n_critic=2, latent=6, width=2, ema=AVERAGE)
    follow(FGAN(settings, Sample((28, 28, 1))), Twin)
