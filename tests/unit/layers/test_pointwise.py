"""Activations: what they keep for their backward, and which parameters they refuse."""

import numpy as np
import pytest

from tinygan.kernels import reference
from tinygan.layers import ELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh

LAYERS = (ReLU(), LeakyReLU(), ELU(), Softplus(), Tanh(), Sigmoid(), SiLU())


@pytest.mark.parametrize("layer", LAYERS, ids=lambda f: f.f)
def test_an_activation_keeps_one_array_its_own_output_where_that_will_do(layer, rng):
    X = rng.normal(size=(3, 4, 5))
    Y, saved = layer.forward((), X)
    assert saved is (X if layer.f in reference.OF_X else Y)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda f: f.f)
def test_the_derivatives_of_an_output_are_those_of_its_formula(layer):
    """φ' and φ'' ẋ as the backward has them, against differences of φ and of φ'."""
    x, h = np.array([-30.0, -4, -1, -0.1, 0.1, 1, 4, 30]), 1e-6

    def slope(x):
        """φ'(x), as the tangent of ẋ = 1."""
        return layer.forward((), np.stack([x, np.ones_like(x)]))[0][1]

    def value(x):
        return layer.forward((), x[None])[0][0]

    _, saved = layer.forward((), np.stack([x, np.ones_like(x)]))
    gx, gx_dot = layer.backward((), saved, np.stack([np.zeros_like(x), np.ones_like(x)]))
    assert np.allclose(gx_dot, (value(x + h) - value(x - h)) / (2 * h), rtol=1e-6, atol=1e-8)
    assert np.allclose(gx, (slope(x + h) - slope(x - h)) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("make", "rule"), [(lambda: ELU(-1), "at least 0"), (lambda: LeakyReLU(1.5), r"in \[0, 1\]")])
def test_a_slope_that_breaks_the_formula_is_refused(make, rule):
    with pytest.raises(ValueError, match=rule):
        make()
