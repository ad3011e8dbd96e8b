"""The checks fail what is wrong: each planted mistake is caught, by the check that is for it."""

import numpy as np
import pytest

from tinygan.checks.check import BOUNDS, CheckFailed, check_layer, check_net
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import Linear, Tanh

from ..charts import Square


class WrongValueWithTangents(Square):
    def forward(self, p, X):
        Y, saved = super().forward(p, X)
        Y[0] += 1e-9 * len(X[1:])
        return Y, saved


class TangentNotLinear(Square):
    def forward(self, p, X):
        Y, saved = super().forward(p, X)
        Y[1:] += 1e-9 * X[1:] ** 2
        return Y, saved


class WrongTangent(Square):
    def forward(self, p, X):
        Y, saved = super().forward(p, X)
        Y[1:] *= 1.00001
        return Y, saved


class WrongAdjoint(Square):
    def backward(self, p, X, G):
        return super().backward(p, X, G) * (1 + 1e-10)


class LopsidedCurvature(Square):
    def backward(self, p, X, G):
        GX = super().backward(p, X, G)
        GX[0] += 1e-6 * (np.roll(X[1:], 1, axis=1) * G[1:]).sum(axis=0)
        return GX


class NoFormula(Square):
    second_derivative = Layer.second_derivative


class NoCurvature(NoFormula):
    def backward(self, p, X, G):
        return 2 * X[0] * G


class WrongSecond(Square):
    def second_derivative(self, p, x, u, v):
        return 2 * u * v * (1 + 1e-10)


class LopsidedSecond(Square):
    def second_derivative(self, p, x, u, v):
        return 2 * u * v + 1e-10 * u * np.roll(v, 1, axis=1)


class WritesItsInput(Square):
    def backward(self, p, X, G):
        GX = super().backward(p, X, G)
        if G.flags.writeable:
            G += 1
        return GX


class SinglePrecision(Square):
    def forward(self, p, X):
        Y, saved = super().forward(p, X)
        return Y.astype(np.float64), saved


class NaN(Square):
    def forward(self, p, X):
        Y, saved = super().forward(p, X)
        return Y * np.nan, saved


class HidesState(Square):
    def forward(self, p, X):
        self.last = X
        return super().forward(p, X)

    def backward(self, p, X, G):
        return super().backward(p, self.last[: len(G)] if len(self.last) >= len(G) else X, G)


PLANTED = [
    (WrongValueWithTangents, "primal"),
    (TangentNotLinear, "linear"),
    (WrongTangent, "tangent"),
    (WrongAdjoint, "adjoint"),
    (LopsidedCurvature, "symmetry"),
    (WrongSecond, "second"),
    (LopsidedSecond, "second"),
    (NoCurvature, "pair"),
    (WritesItsInput, "pure"),
    (SinglePrecision, "edges"),
    (NaN, "primal"),
    (HidesState, "independent"),
]


def test_a_right_layer_passes_every_check():
    errors = check_layer(Square(), (3, 2))
    assert errors.keys() == BOUNDS.keys()
    assert all(error <= BOUNDS[name] for name, error in errors.items())


def test_second_derivatives_are_left_out_where_a_curved_layer_has_no_formula():
    assert BOUNDS.keys() - check_layer(NoFormula(), (3, 2)).keys() == {"second"}
    with pytest.raises(
        UsageError, match=r"^NoFormula has no second derivative: write its second_derivative\(p, x, u, v\)$"
    ):
        Net(NoFormula()).second_derivative(np.zeros(0), np.ones((1, 3)), np.ones((1, 1, 3)), ([0], [0]))


@pytest.mark.parametrize(("layer", "name"), PLANTED, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_a_planted_mistake_fails_its_check(layer, name):
    with pytest.raises(CheckFailed, match=f"{layer.__name__} fails '{name}'"):
        check_layer(layer(), (3, 2))


def test_a_net_is_checked_whole():
    assert check_net(Net(Linear(4, 3), Tanh(), Square()), (4,))["adjoint"] <= 1e-12
