"""Surfaces whose geometry is known, as charts by hand and as nets."""

import numpy as np

from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.geometry import Generator
from tinygan.layers import Linear, PixelNorm


class ByHand:
    """The chart of a function z (N, n) ↦ y (N, D), J (N, D, n), H (N, D, n, n)."""

    def __init__(self, formulas):
        self.formulas = formulas

    def jvp(self, z, z_dot):
        y, J, _ = self.formulas(z)
        return y, np.einsum("ndi,kni->knd", J, z_dot)

    def vjp(self, z):
        y, J, _ = self.formulas(z)
        return y, lambda gy: np.einsum("ndi,nd->ni", J, gy)

    def second_derivative(self, z, z_dot, pairs):
        H = self.formulas(z)[2]
        i, j = (z_dot[list(k)] for k in pairs)
        return *self.jvp(z, z_dot), np.einsum("ndab,pna,pnb->pnd", H, i, j)


def chart(y, J, H):
    """``ByHand`` of three functions of the columns of z, each a nested list of arrays (N,) or numbers."""

    def stack(nested, like):
        if isinstance(nested, (list, tuple)):
            return np.stack([stack(a, like) for a in nested])
        return np.broadcast_to(np.asarray(nested, float), like.shape)

    def formulas(z):
        c = z.T
        return (np.moveaxis(stack(f(*c), c[0]), -1, 0) for f in (y, J, H))

    return ByHand(lambda z: tuple(formulas(z)))


def sphere(R):
    """R (sin a cos b, sin a sin b, cos a): curvature 1/R², geodesics great circles."""
    sin, cos = np.sin, np.cos
    return chart(
        lambda a, b: [R * sin(a) * cos(b), R * sin(a) * sin(b), R * cos(a)],
        lambda a, b: [
            [R * cos(a) * cos(b), -R * sin(a) * sin(b)],
            [R * cos(a) * sin(b), R * sin(a) * cos(b)],
            [-R * sin(a), 0],
        ],
        lambda a, b: [
            [[-R * sin(a) * cos(b), -R * cos(a) * sin(b)], [-R * cos(a) * sin(b), -R * sin(a) * cos(b)]],
            [[-R * sin(a) * sin(b), R * cos(a) * cos(b)], [R * cos(a) * cos(b), -R * sin(a) * sin(b)]],
            [[-R * cos(a), 0], [0, 0]],
        ],
    )


def cylinder(R):
    """(R cos a, R sin a, b): curvature 0."""
    sin, cos = np.sin, np.cos
    return chart(
        lambda a, b: [R * cos(a), R * sin(a), b],
        lambda a, b: [[-R * sin(a), 0], [R * cos(a), 0], [0, 1]],
        lambda a, b: [[[-R * cos(a), 0], [0, 0]], [[-R * sin(a), 0], [0, 0]], [[0, 0], [0, 0]]],
    )


def polar():
    """The plane (r cos b, r sin b)."""
    sin, cos = np.sin, np.cos
    return chart(
        lambda r, b: [r * cos(b), r * sin(b)],
        lambda r, b: [[cos(b), -r * sin(b)], [sin(b), r * cos(b)]],
        lambda r, b: [[[0, -sin(b)], [-sin(b), -r * cos(b)]], [[0, cos(b)], [cos(b), -r * sin(b)]]],
    )


def catenoid():
    """(cosh b cos a, cosh b sin a, b): a minimal surface of curvature −1/cosh⁴ b."""
    sin, cos, sh, ch = np.sin, np.cos, np.sinh, np.cosh
    return chart(
        lambda a, b: [ch(b) * cos(a), ch(b) * sin(a), b],
        lambda a, b: [[-ch(b) * sin(a), sh(b) * cos(a)], [ch(b) * cos(a), sh(b) * sin(a)], [0, 1]],
        lambda a, b: [
            [[-ch(b) * cos(a), -sh(b) * sin(a)], [-sh(b) * sin(a), ch(b) * cos(a)]],
            [[-ch(b) * sin(a), sh(b) * cos(a)], [sh(b) * cos(a), ch(b) * sin(a)]],
            [[0, 0], [0, 0]],
        ],
    )


def gnomonic(R):
    """The half sphere R (a, b, 1)/√(a² + b² + 1), made of our layers: straight lines in z are great circles."""
    net = Net(Linear(2, 3), PixelNorm(eps=0.0), Linear(3, 3, bias=False))
    w, turn = np.eye(3, 2), R / np.sqrt(3) * np.linalg.qr(np.array([[1.0, 2, 3], [0, 1, 4], [5, 6, 0]]))[0]
    return Generator(net, np.concatenate([w.reshape(-1), [0, 0, 1], turn.reshape(-1)]))


class Square(Layer):
    """y = x², ẏ = 2xẋ, H(u, v) = 2uv;  x̄ = 2xȳ + Σ 2ẋẏ̄, ẋ̄ = 2xẏ̄."""

    def forward(self, p, X):
        Y = 2 * X[0] * X
        Y[0] = X[0] ** 2
        return Y, X

    def backward(self, p, X, G):
        GX = 2 * X[0] * G
        GX[0] += 2 * (X[1:] * G[1:]).sum(axis=0)
        return GX

    def second_derivative(self, p, x, u, v):
        return 2 * u * v


def far(a, b):
    """max|a − b| / max|b|."""
    return np.abs(a - b).max() / np.abs(b).max()
