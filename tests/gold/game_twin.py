"""A game of two nets in torch, from the same state and the same random numbers as a recipe; its nets are a subclass's."""

import numpy as np

from tinygan.data import Batch

from .twins import SECOND, F, agree, cut, doubled, tensors, torch

N, CLASSES, STEPS, AVERAGE = 8, 3, 2, 0.9

LOSSES = {  # what D and G minimise of the logits of real and generated images
    "non-saturating": (
        # torch's softplus is a straight line from 20 on
        lambda r, f: -F.logsigmoid(r).mean() - F.logsigmoid(-f).mean(),
        lambda f: -F.logsigmoid(f).mean(),
    ),
    "minimax": (lambda r, f: -F.logsigmoid(r).mean() - F.logsigmoid(-f).mean(), lambda f: F.logsigmoid(-f).mean()),
    "least-squares": (lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2, lambda f: ((f - 1) ** 2).mean() / 2),
    "hinge": (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda f: -f.mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
}


class Twin:
    """A subclass has ``generator(row)`` and ``discriminator(x, c, running)``, which also return the running values after.

    ``row`` [c, z] and ``rng`` are those of the step, for its terms.
    """

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

    def condition(self, label):
        """c (n, given) of the labels of a batch."""
        return F.one_hot(label, CLASSES)[:, : self.recipe.cond_dim]

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
            c = self.condition(label).to(real.dtype)
            z = torch.tensor(rng.standard_normal((n, self.settings.latent), np.float32)).to(real.dtype)
            self.row, self.rng = torch.cat([c, z], 1), rng
            fake, self.G_running = self.generator(self.row)
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
        if s.penalty in ("r1", "r2"):
            loss = loss + s.gamma / 2 * self.slopes(real if s.penalty == "r1" else fake, c).pow(2).mean()
        if s.penalty == "wgan-gp":
            together = getattr(s, "pack", 1)
            e = torch.tensor(rng.random(len(real) // together).repeat(together)).view(-1, 1, 1, 1)
            loss = loss + s.gamma * (self.slopes(e * real + (1 - e) * fake, c) - 1).pow(2).mean()
        if s.penalty == "dragan":
            around = real + real.std(correction=0) * (torch.tensor(rng.random(real.shape)) - 0.5)
            loss = loss + s.gamma * (self.slopes(around, c) - 1).pow(2).mean()
        descend(self.adam_D, loss)
        self.D_running = self.next

    def slopes(self, x, c):
        """‖∇d‖ by each image, the condition held."""
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(self.discriminator(x, c, self.D_running)[0][:, 0].sum(), x, create_graph=True)
        return g.flatten(1).norm(dim=1)

    def agrees(self, state, **more):
        """Whether all that a step changes is as in the recipe's ``state``, and ``more`` pairs."""
        (m_G, v_G), (m_D, v_D) = moments(self.adam_G), moments(self.adam_D)
        agree(
            SECOND,
            G=(state.G, self.G.detach()),
            D=(state.D, self.D.detach()),
            G_ema=(state.G_ema, self.ema),
            G_running=(state.G_running, self.G_running),
            D_running=(state.D_running, self.D_running),
            m_G=(state.G_memory.m, m_G),
            v_G=(state.G_memory.v, v_G),
            m_D=(state.D_memory.m, m_D),
            v_D=(state.D_memory.v, v_D),
            **more,
        )


def rows(w):
    """A weight as a matrix, a row for each output."""
    return w if w.ndim == 2 else w.flatten(0, 2).T


def moments(adam):
    """Adam's memory."""
    (memory,) = adam.state.values()
    return memory["exp_avg"], memory["exp_avg_sq"]


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
        twin.agrees(state)
        assert all((a != b).any() for a, b in zip(state[:5], before[:5], strict=True) if a.size)
