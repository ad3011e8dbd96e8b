"""Whole steps of SS-GAN, AC-GAN, cGAN and the projection cGAN, against autograd and torch.optim.Adam."""

import pytest

from tinygan.data import Sample
from tinygan.optim import Adam
from tinygan.recipes.systems import acgan, cgan, pcgan, ssgan

from .game_nets import Convolutional, Residual
from .game_twin import AVERAGE, CLASSES, N, follow
from .twins import F, torch

GREY, COLOUR = (28, 28, 1), (28, 28, 3)
LATENT, WIDTH = 6, 2
OF_ALL = {
    "latent": LATENT,
    "ema": AVERAGE,
    # a bias before a batch norm has no gradient: under a small ε Adam would make steps of its rounding
    "adam_G": Adam(lr=1e-2, b1=0.5, b2=0.9, eps=1e-4),
    "adam_D": Adam(lr=2e-2, b1=0.4, b2=0.99),
}
OF_RESIDUAL = OF_ALL | {"width_G": 3, "width_D": 4}


class SelfSupervised(Residual):
    def modulation(self, p, row, i):
        if self.settings.self_modulated:
            return F.linear(torch.relu(F.linear(row, next(p), next(p))), next(p), next(p))
        return None

    def heads(self, p, f, c):
        return torch.cat([F.linear(f, *p.pair()), F.linear(f, *p.pair())], 1)

    def told(self, upright, x, see):
        """The rotation loss of the last quarter of images x, whose numbers upright are known."""
        x = x[-(N // 4) :]
        turned = see(torch.cat([torch.rot90(x, k, (1, 2)) for k in (1, 2, 3)]), None)
        logits = torch.cat([upright[-(N // 4) :], turned])[:, 1:]
        return F.cross_entropy(logits, torch.arange(4).repeat_interleave(N // 4))

    def terms_D(self, on, real, label):
        return self.settings.beta * self.told(on[0], real, self.see) if self.settings.beta else 0.0

    def terms_G(self, y, fake, label):
        s = self.settings
        alpha = s.alpha * (max(0, 1 - self.t / s.anneal) if s.anneal else 1)
        return alpha * self.told(y, fake, lambda x, c: self.discriminator(x, c, self.D_running)[0])


SSGAN = {
    "hinge": {"loss": "hinge"},
    "non-saturating, self-modulated, orthogonal": {"self_modulated": True, "alpha": 0.5, "pool": "mean", "ortho": 0.1},
    "annealed, two steps of D": {"loss": "hinge", "anneal": 2, "n_critic": 2, "alpha": 1.0},
    "wgan-gp": {"loss": "wasserstein", "penalty": "wgan-gp", "spectral": False},
    "r1 under spectral norms": {"penalty": "r1", "gamma": 2.0, "self_modulated": True},
}


@pytest.mark.parametrize("options", SSGAN.values(), ids=SSGAN.keys())
def test_steps_of_ssgan_are_those_of_autograd_and_adam(options):
    follow(ssgan.SSGAN(ssgan.Settings(**OF_RESIDUAL, **options), Sample(GREY)), SelfSupervised)


class Projection(Residual):
    def seed(self, row):
        z = row[:, CLASSES:]
        return z[:, : LATENT // 3] if self.settings.hierarchical else z

    def modulation(self, p, row, i):
        if self.settings.hierarchical:
            z = row[:, CLASSES:].chunk(3, 1)
            return F.linear(torch.cat([row[:, :CLASSES], z[1 + i]], 1), next(p))
        return F.linear(row[:, :CLASSES], next(p))

    def heads(self, p, f, c):
        return F.linear(f, *p.pair()) + (F.linear(c, p()) * f).sum(1, keepdim=True)


PCGAN = {
    "hinge": {},
    "non-saturating, parts of z, orthogonal": {
        "loss": "non-saturating",
        "hierarchical": True,
        "smoothing": 0.1,
        "ortho": 0.1,
    },
    "r1": {"penalty": "r1", "spectral": False},
    "r1 under spectral norms": {"loss": "non-saturating", "penalty": "r1"},
    "wgan-gp": {"loss": "wasserstein", "penalty": "wgan-gp", "spectral": False, "n_critic": 2},
}


@pytest.mark.parametrize("options", PCGAN.values(), ids=PCGAN.keys())
def test_steps_of_the_projection_cgan_are_those_of_autograd_and_adam(options):
    follow(pcgan.PCGAN(pcgan.Settings(**OF_RESIDUAL, **options), Sample(COLOUR, CLASSES)), Projection)


class Auxiliary(Convolutional):
    def classes(self, y, label):
        s = self.settings
        return s.auxiliary * F.cross_entropy(y[:, 1:], label, label_smoothing=s.label_smoothing)

    def terms_D(self, on, real, label):
        return sum(self.classes(y, label) for y in on)

    def terms_G(self, y, fake, label):
        return self.classes(y, label)


OPTIONS = {
    "plain": {},
    "hinge, two steps of D": {"loss": "hinge", "n_critic": 2},
    "r1": {"penalty": "r1", "smoothing": 0.1},
    "wgan-gp": {"loss": "wasserstein", "penalty": "wgan-gp"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_steps_of_cgan_are_those_of_autograd_and_adam(options):
    settings = cgan.Settings(width=WIDTH, **OF_ALL, **options)
    follow(cgan.CGAN(settings, Sample(GREY, CLASSES)), Convolutional)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_steps_of_acgan_are_those_of_autograd_and_adam(options):
    settings = acgan.Settings(width=WIDTH, auxiliary=0.7, label_smoothing=0.2, **OF_ALL, **options)
    follow(acgan.ACGAN(settings, Sample(COLOUR, CLASSES)), Auxiliary)
