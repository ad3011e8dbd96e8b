"""Whole steps of the DCGAN recipe, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.dcgan import DCGAN, Settings

from .twins import HALF, SECOND, agree, batch_norm, conv2d, conv_transpose2d, cut, tensors

torch = pytest.importorskip("torch")
F = torch.nn.functional

N, SHAPE, LATENT, WIDTH, STEPS = 4, (12, 12, 3), 6, 4, 3
MOMENTUM, AVERAGE = 0.1, 0.9  # of the running statistics, of the weights of G


class Twin:
    """The same system in torch, from the same state and the same random numbers."""

    def __init__(self, recipe, state):
        self.recipe, self.penalty = recipe, recipe.settings.penalty
        self.G, self.D = tensors(state.G, state.D)
        self.ema, self.G_running, self.D_running = (
            torch.tensor(a) for a in (state.G_ema, state.G_running, state.D_running)
        )
        self.adam_G, self.adam_D = (
            torch.optim.Adam([theta], lr=s.lr, betas=(s.b1, s.b2), eps=s.eps)
            for theta, s in ((self.G, recipe.settings.adam_G), (self.D, recipe.settings.adam_D))
        )

    def generator(self, rng):
        """Fake images, and the statistics of their batch."""
        z = torch.tensor(self.recipe.latents(N, rng), dtype=self.G.dtype)
        w, gamma1, beta1, w1, gamma2, beta2, w2, b2 = cut(self.recipe.G, self.G)
        h = F.linear(z, w).view(N, 3, 3, 2 * WIDTH)
        k = conv_transpose2d(torch.relu(batch_norm(h, gamma1, beta1)), w1, **HALF)
        y = conv_transpose2d(torch.relu(batch_norm(k, gamma2, beta2)), w2, b2, **HALF)
        return torch.tanh(y), torch.cat([*statistics(h), *statistics(k)])

    def discriminator(self, x):
        """Logits, and the statistics of their batch."""
        if not self.recipe.settings.batch_norm_D:
            w1, b1, w2, b2, w, b = cut(self.recipe.D, self.D)
            h = conv2d(F.leaky_relu(conv2d(x, w1, b1, **HALF), 0.2), w2, b2, **HALF)
            return F.linear(F.leaky_relu(h, 0.2).flatten(1), w, b), self.D_running
        w1, b1, w2, gamma, beta, w, b = cut(self.recipe.D, self.D)
        h = conv2d(F.leaky_relu(conv2d(x, w1, b1, **HALF), 0.2), w2, **HALF)
        y = F.linear(F.leaky_relu(batch_norm(h, gamma, beta), 0.2).flatten(1), w, b)
        return y, torch.cat(statistics(h))

    def step(self, real, rng):
        made = self.generator(rng)
        self.step_D(torch.tensor(real), made, rng)
        self.step_G(made)

    def step_D(self, real, made, rng):
        fake, of_G = made[0].detach(), made[1]
        (d_real, of_real), (d_fake, of_fake) = self.discriminator(real), self.discriminator(fake)
        loss = cross_entropy(d_real, 1) + cross_entropy(d_fake, 0)
        if self.penalty in ("r1", "r2"):
            at = real if self.penalty == "r1" else fake
            loss = loss + self.recipe.settings.gamma * 0.5 * self.slopes(at).pow(2).mean()
        if self.penalty == "wgan-gp":
            e = torch.tensor(rng.random(N)).view(N, 1, 1, 1)
            loss = loss + self.recipe.settings.gamma * (self.slopes(e * real + (1 - e) * fake) - 1).pow(2).mean()
        descend(self.adam_D, loss)
        for new in (of_real, of_fake):
            self.D_running = self.D_running.lerp(new, MOMENTUM)
        self.G_running = self.G_running.lerp(of_G, MOMENTUM)

    def step_G(self, made):
        descend(self.adam_G, cross_entropy(self.discriminator(made[0])[0], 1))
        self.ema = AVERAGE * self.ema + (1 - AVERAGE) * self.G.detach()

    def slopes(self, x):
        """‖∇ₓD‖ of each sample."""
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(self.discriminator(x)[0].sum(), x, create_graph=True)
        return g.flatten(1).norm(dim=1)

    def moments(self, adam):
        (memory,) = adam.state.values()
        return memory["exp_avg"], memory["exp_avg_sq"]


def statistics(h):
    """Mean and unbiased variance of each channel."""
    h = h.detach().flatten(0, -2)
    return h.mean(0), h.var(0)


def cross_entropy(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def descend(adam, loss):
    (theta,) = adam.param_groups[0]["params"]
    (theta.grad,) = torch.autograd.grad(loss, theta)
    adam.step()


def doubled(state):
    """A state in float64."""
    if isinstance(state, tuple):
        return type(state)(*map(doubled, state))
    return state.astype(np.float64) if isinstance(state, np.ndarray) else state


@pytest.mark.parametrize("norm", [True, False], ids=["batch norm", "no norm in D"])
@pytest.mark.parametrize("penalty", ["none", "r1", "r2", "wgan-gp"])
def test_steps_of_the_recipe_are_those_of_autograd_and_adam(penalty, norm):
    settings = Settings(
        latent=LATENT,
        width=WIDTH,
        penalty=penalty,
        batch_norm_D=norm,
        ema=AVERAGE,
        adam_G=Adam(lr=1e-2, b1=0.5, b2=0.9),
        adam_D=Adam(lr=2e-2, b1=0.4, b2=0.99),
    )
    recipe = DCGAN(settings, Sample(SHAPE))
    state = doubled(recipe.init(np.random.default_rng(0)))
    twin = Twin(recipe, state)
    images = np.random.default_rng(1).uniform(-1, 1, size=(STEPS, N, *SHAPE))
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    for real in images:
        before = state
        state, _ = recipe.step(state, Batch(real, {}), rng)
        twin.step(real, same)
        m_G, v_G = twin.moments(twin.adam_G)
        m_D, v_D = twin.moments(twin.adam_D)
        agree(
            SECOND,
            G=(state.G, twin.G.detach()),
            D=(state.D, twin.D.detach()),
            G_ema=(state.G_ema, twin.ema),
            G_running=(state.G_running, twin.G_running),
            D_running=(state.D_running, twin.D_running),
            m_G=(state.G_memory.m, m_G),
            v_G=(state.G_memory.v, v_G),
            m_D=(state.D_memory.m, m_D),
            v_D=(state.D_memory.v, v_D),
        )
        assert all((a != b).any() for a, b in zip(state[:5], before[:5], strict=True) if a.size)
