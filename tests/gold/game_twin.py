"""A game of two nets in torch, from the same state and the same random numbers as a recipe; its nets are a subclass's.

Residual nets are written as the papers have them: upsampling before a 3x3, pooling after it, 1x1 shortcuts beside.
"""

from functools import partial

import numpy as np

from tinygan.data import Batch

from .twins import SECOND, F, agree, batch_norm, conv2d, cut, doubled, on_images, tensors, torch

N, CLASSES, STEPS, MOMENTUM, AVERAGE = 8, 3, 2, 0.1, 0.9
pool = on_images(lambda h: F.avg_pool2d(h, 2))
up = on_images(lambda h: F.interpolate(h, scale_factor=2, mode="nearest"))

LOSSES = {  # what D and G minimise of the logits of real and generated images
    "non-saturating": (
        lambda r, f: (
            -F.logsigmoid(r).mean() - F.logsigmoid(-f).mean()
        ),  # torch's softplus is a straight line from 20 on
        lambda f: -F.logsigmoid(f).mean(),
    ),
    "hinge": (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda f: -f.mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
}


class Twin:
    """A subclass has ``generator(row)`` and ``discriminator(x, c, running)``, which also return the running values after."""

    def __init__(self, recipe, state):
        self.recipe, self.settings = recipe, recipe.settings
        self.G, self.D = tensors(state.G, state.D)
        self.ema, self.G_running, self.D_running = (
            torch.tensor(a) for a in (state.G_ema, state.G_running, state.D_running)
        )
        self.adam_G, self.adam_D = (
            torch.optim.Adam([theta], lr=s.lr, betas=(s.b1, s.b2), eps=s.eps)
            for theta, s in ((self.G, self.settings.adam_G), (self.D, self.settings.adam_D))
        )
        self.of_D, self.of_G = LOSSES[self.settings.loss]
        self.t = 0

    def terms_D(self, on, real, label):
        """What D minimises beside the game, ``on`` its numbers of real and of fake images."""
        return 0.0

    def terms_G(self, y, fake, label):
        """What G minimises beside the game, ``y`` D's numbers of its images."""
        return 0.0

    def crossed(self):
        """‖WWᵀ ∘ (1 − I)‖² of the weights of G."""
        S = [W @ W.T for W in (rows(w) for w in cut(self.recipe.G, self.G) if w.ndim > 1)]
        return sum((s - torch.diag(s.diag())).pow(2).sum() for s in S)

    def see(self, x, c):
        """D's numbers of a batch that moves its running values."""
        y, self.next = self.discriminator(x, c, self.next)
        return y

    def step(self, batch, rng):
        n = len(batch.x) // self.settings.n_critic
        for i in range(0, len(batch.x), n):
            real, label = torch.tensor(batch.x[i : i + n]), torch.tensor(batch.labels["class"][i : i + n])
            c = F.one_hot(label, CLASSES)[:, : self.recipe.given and CLASSES].to(real.dtype)
            z = torch.tensor(rng.standard_normal((n, self.settings.latent), np.float32)).to(real.dtype)
            fake, self.G_running = self.generator(torch.cat([c, z], 1))
            self.step_D(real, fake.detach(), c, label, rng)
        y, _ = self.discriminator(fake, c, self.D_running)
        terms = self.terms_G(y, fake, label) + self.settings.ortho * self.crossed()
        descend(self.adam_G, self.of_G(y[:, :1]) + terms)
        self.ema = AVERAGE * self.ema + (1 - AVERAGE) * self.G.detach()
        self.t += 1

    def step_D(self, real, fake, c, label, rng):
        s, self.next = self.settings, self.D_running
        on = self.see(real, c), self.see(fake, c)
        d_real, d_fake = (y[:, :1] for y in on)
        loss = self.of_D(d_real, d_fake) + s.smoothing * d_real.mean() + self.terms_D(on, real, label)
        if s.penalty == "r1":
            loss = loss + s.gamma / 2 * self.slopes(real, c).pow(2).mean()
        if s.penalty == "wgan-gp":
            e = torch.tensor(rng.random(len(real))).view(-1, 1, 1, 1)
            loss = loss + s.gamma * (self.slopes(e * real + (1 - e) * fake, c) - 1).pow(2).mean()
        descend(self.adam_D, loss)
        self.D_running = self.next

    def slopes(self, x, c):
        """‖∇d‖ by each image, the condition held."""
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(self.discriminator(x, c, self.D_running)[0][:, 0].sum(), x, create_graph=True)
        return g.flatten(1).norm(dim=1)


def descend(adam, loss):
    (theta,) = adam.param_groups[0]["params"]
    (theta.grad,) = torch.autograd.grad(loss, theta)
    adam.step()


def follow(recipe, twin_of):
    """STEPS steps of the recipe and of its twin, from weights of which none is zero."""
    draw = np.random.default_rng(0)
    state = doubled(recipe.init(draw))
    state = state._replace(G=state.G + 0.1 * draw.normal(size=state.G.shape))
    state = state._replace(G_ema=state.G, D=state.D + 0.1 * draw.normal(size=state.D.shape))
    twin = twin_of(recipe, state)
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(STEPS):
        x = draw.uniform(-1, 1, size=(N * recipe.batches, *recipe.shape))
        batch = Batch(x, {"class": draw.integers(CLASSES, size=len(x))})
        before = state
        state, _ = recipe.step(state, batch, rng)
        twin.step(batch, same)
        (G,), (D,) = twin.adam_G.state.values(), twin.adam_D.state.values()
        agree(
            SECOND,
            G=(state.G, twin.G.detach()),
            D=(state.D, twin.D.detach()),
            G_ema=(state.G_ema, twin.ema),
            G_running=(state.G_running, twin.G_running),
            D_running=(state.D_running, twin.D_running),
            m_G=(state.G_memory.m, G["exp_avg"]),
            v_G=(state.G_memory.v, G["exp_avg_sq"]),
            m_D=(state.D_memory.m, D["exp_avg"]),
            v_D=(state.D_memory.v, D["exp_avg_sq"]),
        )
        assert all((a != b).any() for a, b in zip(state[:5], before[:5], strict=True) if a.size)


# ---------------------------------------------------------------- the nets


def rows(w):
    """A weight as a matrix, a row for each output."""
    return w if w.ndim == 2 else w.flatten(0, 2).T


class Norms:
    """Batch norms in a row, and the statistics of what they were given."""

    def __init__(self):
        self.statistics = []

    def __call__(self, h, gamma, beta):
        flat = h.detach().flatten(0, -2)
        self.statistics += [flat.mean(0), flat.var(0)]
        return batch_norm(h, gamma, beta)

    def after(self, running):
        """The running values, one batch later."""
        return running.lerp(torch.cat(self.statistics), MOMENTUM) if self.statistics else running


class Weights:
    """The arrays of a net in its order; where there are singular vectors ``u``, held, a weight is W/σ, σ = ‖Wᵀu‖.

    Beside it goes one power iteration of each of the vectors ``running``.
    """

    def __init__(self, net, theta, u, running):
        self.arrays, self.u, self.running, self.after = iter(cut(net, theta)), u, running, running[:0]

    def __call__(self):
        """The next weight."""
        w = next(self.arrays)
        if not len(self.u):
            return w
        W = rows(w)
        u, self.u = self.u[: len(W)], self.u[len(W) :]
        v, self.running = self.running[: len(W)], self.running[len(W) :]
        v = (W @ (W.T @ v)).detach()
        self.after = torch.cat([self.after, v / v.norm()])
        return w / (W.T @ u).norm()

    def pair(self):
        """The next weight and its bias."""
        return self(), next(self.arrays)


class Residual(Twin):
    """SNGAN's nets for 28x28. A subclass has ``heads(p, f, c)``, D's numbers of features f."""

    def modulation(self, p, row, i):
        """Scales and shifts (N, 2C) in block i, with arrays from p; None: none."""

    def seed(self, row):
        """What of a row the linear map sees."""
        return row[:, self.recipe.given :]

    def generator(self, row):
        p, norm = iter(cut(self.recipe.G, self.G)), Norms()

        def normed(h, by=None):
            h = norm(h, next(p), next(p))
            ab = by and by()
            if ab is not None:
                a, b = ab[:, None, None].chunk(2, 3)
                h = (1 + a) * h + b
            return torch.relu(h)

        h = F.linear(self.seed(row), next(p), next(p)).view(len(row), 7, 7, -1)
        for i in range(2):
            by = partial(self.modulation, p, row, i)
            branch = conv2d(up(normed(h, by)), next(p), next(p), padding=1)
            branch = conv2d(normed(branch, by), next(p), next(p), padding=1)
            h = branch + conv2d(up(h), next(p), next(p))
        return torch.tanh(conv2d(normed(h), next(p), next(p), padding=1)), norm.after(self.G_running)

    def discriminator(self, x, c, running):
        p = Weights(self.recipe.D, self.D, self.D_running, running)
        branch = torch.relu(conv2d(x, *p.pair(), padding=1))
        h = pool(conv2d(branch, *p.pair(), padding=1)) + conv2d(pool(x), *p.pair())
        for half in (True, False, False):
            branch = conv2d(torch.relu(h), *p.pair(), padding=1)
            branch = conv2d(torch.relu(branch), *p.pair(), padding=1)
            h = pool(branch) + pool(conv2d(h, *p.pair())) if half else h + branch
        f = torch.relu(h)
        y = self.heads(p, f.sum((1, 2)) if self.settings.pool == "sum" else f.mean((1, 2)), c)
        return y, p.after if len(p.after) else running
