"""The nets of a game's twin (``game_twin.py``): DCGAN's, and SNGAN's as the papers have them, upsampling before a 3x3, pooling
after it, 1x1 shortcuts beside."""

from functools import partial

from .game_twin import Twin, rows
from .twins import HALF, F, batch_norm, conv2d, conv_transpose2d, cut, on_images, torch

MOMENTUM = 0.1
pool = on_images(lambda h: F.avg_pool2d(h, 2))
up = on_images(lambda h: F.interpolate(h, scale_factor=2, mode="nearest"))


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


class Convolutional(Twin):
    """The nets of DCGAN, of two halvings; D's first convolution may see the condition beside every pixel."""

    def images(self, row, first, second):
        """G of rows, by the norms ``first`` and ``second``."""
        w, gamma1, beta1, w1, gamma2, beta2, w2, b2 = cut(self.recipe.G, self.G)
        side = self.recipe.shape[0] // 4
        h = torch.relu(first(F.linear(row, w).view(len(row), side, side, -1), gamma1, beta1))
        h = torch.relu(second(conv_transpose2d(h, w1, **HALF), gamma2, beta2))
        return torch.tanh(conv_transpose2d(h, w2, b2, **HALF))

    def generator(self, row):
        norm = Norms()
        return self.images(row, norm, norm), norm.after(self.G_running)

    def discriminator(self, x, c, running):
        w1, b1, *middle, w, b = cut(self.recipe.D, self.D)
        norm = Norms()
        if self.recipe.conditional_d:
            x = torch.cat([x, c[:, None, None].expand(*x.shape[:3], -1)], 3)
        h = F.leaky_relu(conv2d(x, w1, b1, **HALF), 0.2)
        if len(middle) == 3:
            w2, gamma, beta = middle
            h = norm(conv2d(h, w2, **HALF), gamma, beta)
        else:  # no norm: a bias in its place
            h = conv2d(h, *middle, **HALF)
        return F.linear(F.leaky_relu(h, 0.2).flatten(1), w, b), norm.after(running)


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
        return row[:, self.recipe.cond_dim :]

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
