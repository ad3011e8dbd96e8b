"""Whole steps of the DCGAN recipe, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.dcgan import DCGAN, Settings
from tinygan.recipes.tangents import Orthonormal

from .test_native_norms import AFFECTED, NORMS, WRONG
from .twins import (
    HALF,
    SECOND,
    agree,
    batch_norm,
    conv2d,
    conv_transpose2d,
    cut,
    doubled,
    push_tangents,
    relative,
    tensors,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional

N, SHAPE, LATENT, WIDTH, STEPS = 4, (12, 12, 3), 6, 4, 3
MOMENTUM, AVERAGE = 0.1, 0.9  # of the running statistics, of the weights of G
ETA = 0.3
OF_TANGENTS = 0.99  # of the running mean of ‖J eₖ‖²


class Twin:
    """The same system in torch, from the same state and the same random numbers; ``norm`` is that of G's tangents."""

    def __init__(self, recipe, state, norm=batch_norm):
        self.recipe, self.penalty, self.norm = recipe, recipe.settings.penalty, norm
        self.tangent = None
        self.G, self.D = tensors(state.G, state.D)
        self.ema, self.G_running, self.D_running = (
            torch.tensor(a) for a in (state.G_ema, state.G_running, state.D_running)
        )
        self.adam_G, self.adam_D = (
            torch.optim.Adam([theta], lr=s.lr, betas=(s.b1, s.b2), eps=s.eps)
            for theta, s in ((self.G, recipe.settings.adam_G), (self.D, recipe.settings.adam_D))
        )

    def generator(self, z, first=batch_norm, second=batch_norm):
        """Fake images, and what its two norms were given."""
        w, gamma1, beta1, w1, gamma2, beta2, w2, b2 = cut(self.recipe.G, self.G)
        h = F.linear(z, w).view(-1, 3, 3, 2 * WIDTH)
        k = conv_transpose2d(torch.relu(first(h, gamma1, beta1)), w1, **HALF)
        y = conv_transpose2d(torch.relu(second(k, gamma2, beta2)), w2, b2, **HALF)
        return torch.tanh(y), h, k

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
        z = torch.tensor(self.recipe.latents(N, rng), dtype=self.G.dtype)
        fake, *normed = self.generator(z)
        self.step_D(torch.tensor(real), fake.detach(), rng)
        self.G_running = self.G_running.lerp(torch.cat([a for h in normed for a in statistics(h)]), MOMENTUM)
        self.step_G(z, fake, rng)

    def step_D(self, real, fake, rng):
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

    def step_G(self, z, fake, rng):
        loss = cross_entropy(self.discriminator(fake)[0], 1)
        if self.recipe.settings.orthonormal.eta:
            loss = loss + self.recipe.settings.orthonormal.eta * self.constraint(z, rng)
        descend(self.adam_G, loss)
        self.ema = AVERAGE * self.ema + (1 - AVERAGE) * self.G.detach()

    def constraint(self, z, rng):
        """An estimate of E‖JᵀJ − s²I‖²_F from K axes: each entry of the K x K part over the chance to see it."""
        s = self.recipe.settings.orthonormal
        K, z = s.tangents, z[: s.samples]
        norms = [self.norm] * 2
        if s.statistics == "frozen":
            norms = [frozen(*part.chunk(2)) for part in self.G_running.split([4 * WIDTH, 2 * WIDTH])]
        axes = torch.eye(LATENT, dtype=z.dtype)[rng.permutation(LATENT)[:K]]
        T = push_tangents(lambda z: self.generator(z, *norms)[0], z, axes[:, None].expand(K, *z.shape)).flatten(2)
        gram = torch.einsum("knd,lnd->nkl", T, T)
        length2 = gram.detach().diagonal(dim1=1, dim2=2).mean()
        before = length2 if self.tangent is None else self.tangent
        self.tangent = OF_TANGENTS * before + (1 - OF_TANGENTS) * length2
        M = (gram - (s.scale**2 or before) * torch.eye(K, dtype=gram.dtype)).pow(2).mean(0)
        on = M.diagonal().sum()
        return LATENT / K * on + LATENT * (LATENT - 1) / (K * (K - 1)) * (M.sum() - on)

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


def frozen(mean, var):
    """A norm with these statistics."""
    return lambda x, gamma, beta: gamma * (x - mean) * (var + 1e-5).rsqrt() + beta


def cross_entropy(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def descend(adam, loss):
    (theta,) = adam.param_groups[0]["params"]
    (theta.grad,) = torch.autograd.grad(loss, theta)
    adam.step()


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
    compare(settings)


@pytest.mark.parametrize(("statistics", "scale"), [("batch", 0.0), ("batch", 0.5), ("frozen", 0.0)])
def test_steps_with_orthonormal_tangents_are_those_of_autograd_and_adam(statistics, scale):
    constraint = Orthonormal(eta=ETA, tangents=3, samples=3, scale=scale, statistics=statistics)
    compare(Settings(latent=LATENT, width=WIDTH, orthonormal=constraint, ema=AVERAGE))


def test_the_same_step_with_native_norms_in_torch_has_a_wrong_gradient():
    constraint = Orthonormal(eta=ETA, tangents=3, samples=3, scale=0.0, statistics="batch")
    recipe = DCGAN(Settings(latent=LATENT, width=WIDTH, orthonormal=constraint), Sample(SHAPE))
    state = doubled(recipe.init(np.random.default_rng(0)))
    real = np.random.default_rng(1).uniform(-1, 1, size=(N, *SHAPE))
    right, native = Twin(recipe, state), Twin(recipe, state, NORMS["batch norm"][1])
    for twin in (right, native):
        twin.step(real, np.random.default_rng(2))
    state, _ = recipe.step(state, Batch(real, {}), np.random.default_rng(2))
    m = state.G_memory.m
    agree(SECOND, composite=(right.moments(right.adam_G)[0].numpy(), m))
    error = relative(native.moments(native.adam_G)[0].numpy(), m)
    print(f"native {error:.1e}")
    assert error >= WRONG or not AFFECTED


def compare(settings):
    """STEPS steps of the recipe and of its twin."""
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
            tangent=(state.tangent, twin.tangent or 0.0),
        )
        assert all((a != b).any() for a, b in zip(state[:5], before[:5], strict=True) if a.size)
