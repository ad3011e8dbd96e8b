"""The minimiser reaches known minima, to its tolerance, and says when it does not."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.geometry.lbfgs import minimise


def rosenbrock(x):
    """Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²: a bent valley, its minimum 0 at one   (Rosenbrock 1960)."""
    a, b = x[:-1], x[1:]
    g = np.zeros_like(x)
    g[1:] += 200 * (b - a * a)
    g[:-1] += -400 * a * (b - a * a) - 2 * (1 - a)
    return float((100 * (b - a * a) ** 2 + (1 - a) ** 2).sum()), g


def bowl(n, condition):
    curvature = np.geomspace(1, condition, n)
    return curvature, lambda x: (float((curvature * x * x).sum() / 2), curvature * x)


def test_the_end_of_a_bent_valley():
    low = minimise(rosenbrock, np.full(10, -0.5), scale=1.0)
    assert low.converged and low.steps <= 100
    assert np.abs(low.x - 1).max() <= 1e-7 and low.value <= 1e-14


def test_a_bowl_and_what_a_good_inverse_saves():
    curvature, f = bowl(50, 100)
    plain = minimise(f, np.ones(50), scale=1.0)
    newton = minimise(f, np.ones(50), scale=1.0, inverse=lambda g: g / curvature)
    assert plain.converged and plain.steps <= 150 and plain.value <= 1e-15
    assert newton.converged and newton.steps == 1


def test_precision_beyond_that_of_the_value():
    """f = 1 + ..., whose last digits say nothing of x below 1e-8: the gradient leads on."""
    _, f = bowl(5, 10)
    low = minimise(lambda x: (1 + f(x)[0], f(x)[1]), np.ones(5), scale=1.0, tolerance=1e-12)
    assert low.converged and np.abs(low.x).max() <= 1e-11


def test_walls_of_nan_are_not_crossed():
    def well(x):
        """x − log x of each, which is NaN left of zero."""
        with np.errstate(invalid="ignore"):
            return float((x - np.log(x)).sum()), 1 - 1 / x

    low = minimise(well, np.array([5.0, 0.01]), scale=1.0)
    assert low.converged and np.abs(low.x - 1).max() <= 1e-7


def test_it_says_when_it_has_not_arrived():
    _, f = bowl(50, 1e4)
    short = minimise(f, np.ones(50), scale=1.0, steps=3)
    assert (short.converged, short.steps) == (False, 3) and short.decrement > 0
    endless = minimise(lambda x: (float(-x.sum()), -np.ones_like(x)), np.zeros(2), scale=1.0)
    assert not endless.converged
    stuck = minimise(lambda x: (float(x @ x), -2 * x), np.ones(2), scale=1.0)  # a gradient of the wrong sign
    assert not stuck.converged and np.array_equal(stuck.x, np.ones(2))


def test_a_start_that_is_not_finite_is_refused():
    with pytest.raises(UsageError, match="not finite at the start"):
        minimise(lambda x: (np.inf, x), np.ones(2), scale=1.0)


def test_the_start_is_not_written():
    x = np.ones(4)
    x.flags.writeable = False
    minimise(rosenbrock, x, scale=1.0)
    assert x.tolist() == [1.0] * 4
