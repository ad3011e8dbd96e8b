"""DRAW's windows against Gregor et al. 2015, eqs. 19-29, written in PyTorch term by term."""

import numpy as np
import pytest

from tinygan import layers as L
from tinygan.core.compose import Sequential
from tinygan.core.net import Net
from tinygan.layers.conditional import of_row
from tinygan.objectives.penalties import through_jvp

from .twins import FIRST, SECOND, agree, gradients, push_tangents, tensors

torch = pytest.importorskip("torch")

B, A, C, N, K = 6, 5, 2, 3, 2


def filters(n, m):
    """F_Y (N, n, B), F_X (N, n, A) and γ from m (N, 5)."""
    gx, gy, log_var, log_stride, log_gamma = m.unbind(1)
    delta = (max(A, B) - 1) / (n - 1) * log_stride.exp()

    def bank(centre, size):
        g = (size + 1) / 2 * (centre + 1)
        mu = torch.stack([g + (i - n / 2 - 0.5) * delta for i in range(1, n + 1)], dim=1)
        pixels = torch.arange(1, size + 1, dtype=m.dtype)
        F = torch.exp(-((pixels - mu[..., None]) ** 2) / (2 * log_var.exp()[:, None, None]))
        return F / F.sum(dim=2, keepdim=True)

    return bank(gy, B), bank(gx, A), log_gamma.exp()


def read(n, x):
    FY, FX, gamma = filters(n, x[:, -5:])
    h = x[:, :-5].view(-1, B, A, C)
    return torch.einsum("n,nib,nbac,nja->nijc", gamma, FY, h, FX)


def write(n, x):
    FY, FX, gamma = filters(n, x[:, -5:])
    w = x[:, :-5].view(-1, n, n, C)
    return torch.einsum("n,nib,nijc,nja->nbac", 1 / gamma, FY, w, FX)


CASES = [(L.Read, read, lambda n: (B, A, C)), (L.Write, write, lambda n: (n, n, C))]


@pytest.fixture(params=[(case, n) for case in CASES for n in (2, 3, 5)], ids=lambda p: f"{p[0][1].__name__} {p[1]}")
def place(request):
    """A net of rows [h, m], its counterpart, x and tangents; most filters see the image."""
    (make, op, shape), n = request.param
    rng = np.random.default_rng(0)
    net = Net(of_row(shape(n), 5, make(Sequential(), n, (B, A))))
    d = int(np.prod(shape(n))) + 5
    x, x_dot = rng.normal(size=(N, d)), rng.normal(size=(K, N, d))
    x[:, -5:] *= 0.4
    return net, lambda at: op(n, at), x, x_dot


def test_value_and_gradients_are_those_of_torch(place):
    net, f, x, _ = place
    y, saved = net.forward(np.zeros(0), x)
    gy = np.random.default_rng(1).normal(size=y.shape)
    ours = net.backward(np.zeros(0), saved, gy)
    (at,) = tensors(x)
    theirs = f(at)
    (gx,) = gradients((theirs * torch.tensor(gy)).sum(), at)
    agree(FIRST, y=(y, theirs.detach()), gx=(ours.x, gx))


def test_the_gradients_of_a_loss_on_tangents_are_those_of_torch(place):
    net, f, x, x_dot = place
    value, ours = through_jvp(
        net, np.zeros(0), x, x_dot, lambda y, y_dot: ((y**2).sum() + (y_dot**4).sum(), 2 * y, 4 * y_dot**3)
    )
    at, way = tensors(x, x_dot)
    theirs = f(at).pow(2).sum() + push_tangents(f, at, way).pow(4).sum()
    gx, gx_dot = gradients(theirs, at, way)
    agree(SECOND, value=(value, theirs.detach()), gx=(ours.x, gx), gx_dot=(ours.x_dot, gx_dot))
