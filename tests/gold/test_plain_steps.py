"""Whole steps of the systems on the plain game, against autograd and torch.optim.Adam."""

import pytest

from tinygan.data import Sample
from tinygan.optim import Adam
from tinygan.recipes import RECIPES
from tinygan.recipes.shared.replay import replayed

from .game_nets import Convolutional, Norms, Weights
from .game_twin import AVERAGE, Twin, follow
from .twins import F, cut, torch

SHAPE = (3, 2, 2)


class Plain(Twin):
    """Perceptrons of images that are packed, D's fakes replayed, its weights clipped where the settings say so."""

    def generator(self, row):
        p, norm, h = iter(cut(self.recipe.G, self.G)), Norms(), row
        for _ in range(3):
            if self.settings.norm_G == "batch":
                h = torch.relu(norm(F.linear(h, next(p)), next(p), next(p)))
            else:
                h = torch.relu(F.linear(h, next(p), next(p)))
        return torch.tanh(F.linear(h, next(p), next(p))).view(-1, *SHAPE), norm.after(self.G_running)

    def discriminator(self, x, c, running):
        s, m, norm = self.settings, self.settings.pack, Norms()
        spectral = s.norm_D == "spectral"
        p = Weights(self.recipe.D, self.D, self.D_running if spectral else running[:0], running)
        h = x.view(len(x) // m, m, *SHAPE).movedim(1, -2).flatten(1)
        for _ in range(3):
            if s.net == "maxout":
                h = F.linear(h, *p.pair()).unflatten(1, (-1, 5)).amax(2)
            elif s.norm_D == "batch":
                h = F.leaky_relu(norm(F.linear(h, p()), *p.pair()), 0.2)
            elif s.norm_D == "layer":
                w, gamma, beta = p(), *p.pair()
                h = F.leaky_relu(F.layer_norm(F.linear(h, w), gamma.shape, gamma, beta), 0.2)
            else:
                h = F.leaky_relu(F.linear(h, *p.pair()), 0.2)
        return F.linear(h, *p.pair()), p.after if spectral else norm.after(running)

    def slopes(self, x, c):
        """‖∇d‖ by each pack."""
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(self.discriminator(x, c, self.D_running)[0].sum(), x, create_graph=True)
        return g.reshape(len(x) // self.settings.pack, -1).norm(dim=1)

    def step_D(self, real, fake, c, label, rng):
        if self.settings.replay:
            self.pool, seen = replayed(self.pool, fake.numpy(), rng)
            fake = torch.tensor(seen)
        super().step_D(real, fake, c, label, rng)
        if hasattr(self.settings, "most"):
            with torch.no_grad():
                self.D.clamp_(-self.settings.most, self.settings.most)


def settings(name, **options):
    # A wasserstein critic's last bias has a gradient of rounding only: Adam gives it back over ε.
    adam = {"adam_G": Adam(lr=1e-2, b1=0.5, b2=0.9), "adam_D": Adam(lr=2e-2, b1=0.4, b2=0.99, eps=1e-5)}
    own = {"latent": 5, "width": 1, "net": "perceptron", "dropout": 0.0, "ema": AVERAGE}
    return RECIPES[name].settings(**(own | adam | options))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gan", {"net": "maxout"}),
        ("gan", {"net": "maxout", "loss": "minimax", "norm_G": "batch", "n_critic": 2}),
        ("gan", {"norm_D": "layer", "pack": 2}),
        ("gan", {"replay": 6}),
        ("wgan", {"most": 0.3, "n_critic": 2}),
        ("wgan-gp", {"n_critic": 2}),
        ("wgan-gp", {"n_critic": 1, "pack": 2}),
        ("dragan", {}),
        ("lsgan", {}),
        ("hinge", {}),
        ("r1", {}),
        ("r1", {"pack": 4, "net": "maxout"}),
    ],
    ids=str,
)
def test_steps_of_a_system_are_those_of_autograd_and_adam(name, options):
    def twin_of(recipe, state):
        twin = Plain(recipe, state)
        twin.pool = state.more
        return twin

    follow(RECIPES[name].make(settings(name, **options), Sample(SHAPE)), twin_of)


@pytest.mark.parametrize("name", ["wgan-gp", "dragan", "lsgan", "r1"])
def test_the_same_on_the_nets_of_dcgan(name):
    made = settings(name, net="dcgan", width=4, n_critic=1)
    follow(RECIPES[name].make(made, Sample((12, 12, 3))), Convolutional)
