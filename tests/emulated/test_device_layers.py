"""The cuda backend on the emulator: the dispatcher's operations, and every layer of the check tables, on device arrays."""

import inspect

import numpy as np
import pytest

from tinygan import kernels
from tinygan.checks.cases import CASES
from tinygan.kernels import reference

from . import device_checks as checks
from . import emulator as emu
from . import fake_cupy
from .device_checks import BOUND, CONV, error, there, wide
from .fake_cupy import asarray


@pytest.fixture(autouse=True)
def device(monkeypatch):
    fake_cupy.installed(monkeypatch, emu.of)
    with kernels.precision("direct"):
        yield
    fake_cupy.removed()


def drawn(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", checks.OPERATIONS)
def test_an_operation_is_the_references(name):
    assert checks.operation(name) <= BOUND


def test_combinations_with_numbers_of_the_host_and_of_the_device(rng):
    x, y = drawn(rng, 3, 5), drawn(rng, 3, 5)
    X, Y = there((x, y))
    assert error(kernels.combine(0.5, X, -2, Y), reference.combine(0.5, wide(x), -2, wide(y))) <= BOUND
    a = asarray(np.array(0.5))  # float64: it widens nothing
    assert error(kernels.combine(a, X, 1 - a, Y), reference.combine(0.5, wide(x), 0.5, wide(y))) <= BOUND


@pytest.mark.parametrize("t", [1, 700])
@pytest.mark.parametrize("lr", [1e-3, "there"])
def test_adam_takes_its_step_and_its_rate_from_the_device(t, lr, rng):
    theta, g, m, v = (drawn(rng, 37) for _ in range(4))
    how = {"b1": 0.5, "b2": 0.999, "eps": 1e-8}
    want = reference.adam(*wide((theta, g, m, v * v)), lr=1e-3, t=t, **how)
    lr = asarray(np.array(1e-3)) if lr == "there" else lr
    found = kernels.adam(*there((theta, g, m, v * v)), lr=lr, t=asarray(np.array(t)), **how)
    assert error(found, want) <= BOUND


def test_the_rates_of_adam_are_those_of_double_precision():
    """1 − b₂ᵗ cancels: float32 would be 6e-5 off at t = 1."""
    zeros, ones = there((np.zeros(4), np.ones(4)))
    found, *_ = kernels.adam(zeros, ones, zeros, zeros, lr=1.0, b1=0.0, b2=0.999, eps=1e-30, t=1)
    assert error(found, -np.ones(4)) <= BOUND


def test_what_is_no_float32_is_refused_in_one_line(rng):
    with pytest.raises(ValueError, match="the CUDA kernels work on float32: got float64; use --backend jit"):
        kernels.column_sum(asarray(rng.standard_normal((3, 4))))


def test_strided_arrays_and_weights_that_begin_anywhere(rng):
    theta, x = drawn(rng, 1 + 3 * 3 * 4 * 8), drawn(rng, 6, 5, 2, 4)
    w = asarray(theta)[1:].reshape(3, 3, 4, 8)
    assert w.data.ptr % 16
    found = kernels.conv2d(asarray(x).transpose(2, 0, 1, 3), w, **CONV)
    want = reference.conv2d(wide(x).transpose(2, 0, 1, 3), wide(theta)[1:].reshape(3, 3, 4, 8), **CONV)
    assert error(found, want) <= BOUND


@pytest.mark.parametrize("operation", kernels.OPERATIONS)
def test_the_backend_has_every_operation_with_the_doors_arguments(operation):
    wanted = inspect.signature(getattr(kernels, operation)).parameters
    found = inspect.signature(getattr(kernels.backend(asarray(np.zeros(1))), operation)).parameters
    assert [(p.name, p.kind) for p in found.values()] == [(p.name, p.kind) for p in wanted.values()]


def test_the_precision_chooses_the_arithmetic(rng):
    x, w = drawn(rng, 4, 6, 6, 32), drawn(rng, 3, 3, 32, 16)
    how = {"stride": (1, 1), "pad": ((1, 1), (1, 1))}
    off = {}
    for name in ("direct", "fast", "tf32"):
        with kernels.precision(name):
            off[name] = error(kernels.conv2d(*there((x, w)), **how), reference.conv2d(*wide((x, w)), **how))
    assert off["direct"] <= 2e-6 and off["fast"] <= 2e-6
    assert 1e-5 <= off["tf32"] <= 6e-4


@pytest.mark.parametrize("name", CASES)
def test_a_layer_and_its_adjoint_are_numpys(name):
    assert checks.layer(name) <= BOUND


def test_an_error_is_told():
    """The measure itself: a wrong element, a NaN, a wrong dtype."""
    a = np.ones(4)
    assert error(there(a), a) == 0
    assert error(there(a + np.eye(4)[3]), a) == 0.5
    assert error(there((a, a * np.nan)), (a, a)) == float("inf")
    with pytest.raises(AssertionError):
        error(asarray(a), a)
