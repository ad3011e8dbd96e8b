"""Whole steps of InfoGAN and of BEGAN, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.systems.began import BEGAN
from tinygan.recipes.systems.began import Settings as BeganSettings
from tinygan.recipes.systems.infogan import InfoGAN, Settings

from .game_nets import Convolutional, Norms, up
from .game_twin import AVERAGE, STEPS, N, follow, moments
from .twins import HALF, SECOND, F, agree, conv2d, conv_transpose2d, cut, doubled, tensors, torch

K, M = 3, 2  # the codes of InfoGAN: categories, continuous


class Informed(Convolutional):
    """InfoGAN: codes are drawn before the batch is cut, and stand in the place of its labels."""

    def step(self, batch, rng):
        n = len(batch.x)
        onehot = np.eye(K)[rng.integers(K, size=n)]
        codes = np.concatenate([onehot, rng.uniform(-1, 1, (n, M)).astype(np.float32)], axis=1)
        super().step(Batch(batch.x, {"class": codes}), rng)

    def condition(self, label):
        return label

    def generator(self, row):
        w0, gamma0, beta0, w, gamma1, beta1, w1, gamma2, beta2, w2, b2 = cut(self.recipe.G, self.G)
        norm = Norms()
        h = torch.relu(norm(F.linear(row, w0), gamma0, beta0))
        h = torch.relu(norm(F.linear(h, w).view(len(h), 7, 7, -1), gamma1, beta1))
        h = torch.relu(norm(conv_transpose2d(h, w1, **HALF), gamma2, beta2))
        return torch.tanh(conv_transpose2d(h, w2, b2, **HALF)), norm.after(self.G_running)

    def discriminator(self, x, c, running):
        w1, b1, w2, gamma2, beta2, w3, gamma3, beta3, w, b, *of_Q = cut(self.recipe.D, self.D)
        w4, gamma4, beta4, w5, b5 = of_Q
        norm = Norms()
        h = F.leaky_relu(conv2d(x, w1, b1, **HALF), 0.2)
        h = F.leaky_relu(norm(conv2d(h, w2, **HALF), gamma2, beta2), 0.2)
        h = F.leaky_relu(norm(F.linear(h.flatten(1), w3), gamma3, beta3), 0.2)
        q = F.linear(F.leaky_relu(norm(F.linear(h, w4), gamma4, beta4), 0.2), w5, b5)
        return torch.cat([F.linear(h, w, b), q], 1), norm.after(running)

    def unread(self, y, codes):
        """−λ L_I but for its constants."""
        s = self.settings
        log_q = torch.log_softmax(y[:, 1 : 1 + K], 1)
        of_u = (codes[:, K:] - y[:, 1 + K :]).pow(2).sum(1) / 2
        return -s.information * (codes[:, :K] * log_q).sum(1).mean() + s.information_continuous * of_u.mean()

    def terms_D(self, on, real, label):
        return self.unread(on[1], label)

    def terms_G(self, y, fake, label):
        return self.unread(y, label)


INFOGAN = {
    "plain": {},
    "hinge, two steps of D": {"loss": "hinge", "n_critic": 2, "information": 0.5},
    "r1": {"penalty": "r1", "information_continuous": 0.7},
    "wgan-gp": {"loss": "wasserstein", "penalty": "wgan-gp"},
}


@pytest.mark.parametrize("options", INFOGAN.values(), ids=INFOGAN.keys())
def test_steps_of_infogan_are_those_of_autograd_and_adam(options):
    own = {"latent": 6, "width": 2, "categories": K, "continuous": M, "ema": AVERAGE}
    adams = {"adam_G": Adam(lr=1e-2, b1=0.5, b2=0.9, eps=1e-4), "adam_D": Adam(lr=2e-2, b1=0.4, b2=0.99)}
    follow(InfoGAN(Settings(**own, **adams, **options), Sample((28, 28, 1))), Informed)


def decoded(p, h):
    """A decoder of two upsamplings with the next arrays of p."""
    h = F.linear(h, next(p), next(p)).view(len(h), 7, 7, -1)
    h = F.elu(conv2d(h, next(p), next(p), padding=1))
    for _ in range(2):
        h = F.elu(conv2d(up(h), next(p), next(p), padding=1))
    return torch.tanh(conv2d(h, next(p), next(p), padding=1))


def unbuilt(recipe, D, x):
    """L(x) of the autoencoder, which is the decoder's negative."""
    p = iter(cut(recipe.D, D))
    h = x
    for _ in range(2):
        h = F.elu(conv2d(h, next(p), next(p), **HALF))
    return (x + decoded(p, F.linear(h.flatten(1), next(p), next(p)))).abs().mean()


def test_steps_of_began_are_those_of_autograd_and_adam():
    adams = {"adam_G": Adam(lr=1e-2, b1=0.5, b2=0.9), "adam_D": Adam(lr=2e-2, b1=0.4, b2=0.99)}
    settings = BeganSettings(latent=5, width=3, ratio=0.4, gain=0.02, ema=AVERAGE, **adams)
    recipe = BEGAN(settings, Sample((28, 28, 1)))
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))._replace(k=0.3)
    G, D = tensors(state.G, state.D)
    adam_G, adam_D = (
        torch.optim.Adam([theta], lr=s.lr, betas=(s.b1, s.b2), eps=s.eps)
        for theta, s in ((G, settings.adam_G), (D, settings.adam_D))
    )
    average, k = torch.tensor(state.G_ema), state.k
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(STEPS + 1):
        x = draw.uniform(-1, 1, size=(N, 28, 28, 1))
        state, log = recipe.step(state, Batch(x, {}), rng)
        z_D, z_G = (torch.tensor(same.uniform(-1, 1, (N, 5)).astype(np.float32)).double() for _ in "DG")
        for_D, for_G = (decoded(iter(cut(recipe.G, G)), z) for z in (z_D, z_G))
        real, fake = unbuilt(recipe, D, torch.tensor(x)), unbuilt(recipe, D, for_G)
        loss_D = real - k * unbuilt(recipe, D, for_D.detach())
        (D.grad,), (G.grad,) = torch.autograd.grad(loss_D, D), torch.autograd.grad(fake, G)
        adam_D.step(), adam_G.step()
        average = AVERAGE * average + (1 - AVERAGE) * G.detach()
        balance = 0.4 * real.item() - fake.item()
        k = min(max(k + 0.02 * balance, 0.0), 1.0)
        (m_G, v_G), (m_D, v_D) = moments(adam_G), moments(adam_D)
        pairs = {"G": (state.G, G.detach()), "D": (state.D, D.detach()), "G_ema": (state.G_ema, average)}
        pairs |= {"m_G": (state.G_memory.m, m_G), "v_G": (state.G_memory.v, v_G)}
        pairs |= {"m_D": (state.D_memory.m, m_D), "v_D": (state.D_memory.v, v_D)}
        agree(SECOND, **pairs, k=(np.array([state.k]), np.array([k])))
        assert log["M"] == pytest.approx(real.item() + abs(balance), rel=SECOND)
        assert 0 < k < 1
