"""The cuda backend behind the door, on the emulator: every operation, and every layer of the check tables, on device arrays."""

import inspect

import numpy as np
import pytest

from tinygan import kernels
from tinygan.cases import CASES
from tinygan.kernels import reference
from tinygan.layer import size
from tinygan.layers import BatchNorm

from . import emulator as emu
from . import fake_cupy
from .fake_cupy import asarray, bare

BOUND = 3e-6  # relative, against float64
PAD = ((1, 0), (0, 2))


@pytest.fixture(autouse=True)
def device(monkeypatch):
    fake_cupy.installed(monkeypatch, emu.of)
    with kernels.precision("direct"):
        yield
    fake_cupy.removed()


def there(x):
    """The arrays of a nested tuple on the device."""
    if isinstance(x, tuple):
        return tuple(map(there, x))
    return asarray(x.astype(np.float32)) if isinstance(x, np.ndarray) else x


def wide(x):
    if isinstance(x, tuple):
        return tuple(map(wide, x))
    return x.astype(np.float32).astype(np.float64) if isinstance(x, np.ndarray) else x


def near(found, want, typical=0.0):
    if isinstance(want, (tuple, list)):
        assert len(found) == len(want)
        for a, b in zip(found, want, strict=True):
            near(a, b, typical)
    elif want is not None:
        want = np.asarray(want)
        assert found.shape == want.shape
        assert found.dtype == np.float32
        assert np.linalg.norm(bare(found) - want) <= BOUND * max(np.linalg.norm(want), typical, 1e-30)


# ---------------------------------------------------------------- operations

CONV = {"stride": (2, 1), "pad": PAD}
OPERATIONS = {  # name: shapes of the arrays, what else it takes
    "linear": (((7, 5), (6, 5)), {"bias": (6,), "points": 4}),
    "linear_dx": (((7, 6), (6, 5)), {}),
    "linear_dw": (((7, 5), (7, 6)), {}),
    "conv2d": (((3, 6, 5, 4), (3, 3, 4, 8)), {"bias": (8,), "points": 2, **CONV}),
    "conv2d_dx": (((3, 3, 5, 8), (3, 3, 4, 8)), {"bias": (4,), "points": 2, "size": (6, 5), **CONV}),
    "conv2d_dw": (((3, 6, 5, 4), (3, 3, 5, 8)), {"kernel": (3, 3), **CONV}),
    "scale_shift": (((3, 4, 5), (5,), (5,)), {}),
    "column_sum": (((3, 4, 5),), {}),
    "dot": (((3, 4, 5), (3, 4, 5)), {}),
}


def drawn(rng, shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_the_references(name, rng):
    shapes, how = OPERATIONS[name]
    arrays = tuple(drawn(rng, shape) for shape in shapes)
    how = {key: drawn(rng, value) if key == "bias" else value for key, value in how.items()}
    found = getattr(kernels, name)(*there(arrays), **{key: there(value) for key, value in how.items()})
    want = getattr(reference, name)(*wide(arrays), **{key: wide(value) for key, value in how.items()})
    near(found, want, 10)


def test_combinations_with_numbers_of_the_host_and_of_the_device(rng):
    x, y = drawn(rng, (3, 5)), drawn(rng, (3, 5))
    near(kernels.combine(0.5, *there((x,)), -2, *there((y,))), reference.combine(0.5, *wide((x,)), -2, *wide((y,))))
    a = asarray(np.array(0.5))  # float64: it widens nothing
    near(kernels.combine(a, *there((x,)), 1 - a, *there((y,))), reference.combine(0.5, *wide((x,)), 0.5, *wide((y,))))


@pytest.mark.parametrize("t", [1, 700])
@pytest.mark.parametrize("lr", [1e-3, "there"])
def test_adam_takes_its_step_and_its_rate_from_the_device(t, lr, rng):
    theta, g, m, v = (drawn(rng, 37) for _ in range(4))
    how = {"b1": 0.5, "b2": 0.999, "eps": 1e-8}
    want = reference.adam(*wide((theta, g, m, v * v)), lr=1e-3, t=t, **how)
    found = kernels.adam(
        *there((theta, g, m, v * v)), lr=asarray(np.array(1e-3)) if lr == "there" else lr, t=asarray(np.array(t)), **how
    )
    near(found, want)


def test_the_rates_of_adam_are_those_of_double_precision(rng):
    """1 − b₂ᵗ cancels: float32 would be 6e-5 off at t = 1."""
    theta = np.zeros(4, np.float32)
    g = np.ones(4, np.float32)
    found, *_ = kernels.adam(*there((theta, g, theta, theta)), lr=1.0, b1=0.0, b2=0.999, eps=1e-30, t=1)
    near(found, -np.ones(4))


def test_what_is_no_float32_is_refused_in_one_line(rng):
    with pytest.raises(ValueError, match="the CUDA kernels work on float32: got float64; use --backend jit"):
        kernels.column_sum(asarray(rng.standard_normal((3, 4))))


def test_strided_arrays_and_weights_that_begin_anywhere(rng):
    theta = drawn(rng, 1 + 3 * 3 * 4 * 8)
    x = drawn(rng, (6, 5, 2, 4))
    w = asarray(theta)[1:].reshape(3, 3, 4, 8)
    assert w.data.ptr % 16
    found = kernels.conv2d(asarray(x).transpose(2, 0, 1, 3), w, **CONV)
    near(found, reference.conv2d(*wide((x.transpose(2, 0, 1, 3), theta[1:].reshape(3, 3, 4, 8))), **CONV))


@pytest.mark.parametrize("operation", kernels.OPERATIONS)
def test_the_backend_has_every_operation_with_the_doors_arguments(operation):
    wanted = inspect.signature(getattr(kernels, operation)).parameters
    found = inspect.signature(getattr(kernels.backend(asarray(np.zeros(1))), operation)).parameters
    assert [(p.name, p.kind) for p in found.values()] == [(p.name, p.kind) for p in wanted.values()]


def test_the_precision_chooses_the_arithmetic(rng):
    x, w = drawn(rng, (4, 6, 6, 32)), drawn(rng, (3, 3, 32, 16))
    how = {"stride": (1, 1), "pad": ((1, 1), (1, 1))}
    want = reference.conv2d(*wide((x, w)), **how)
    error = {}
    for name in ("direct", "fast", "tf32"):
        with kernels.precision(name):
            y = bare(kernels.conv2d(*there((x, w)), **how))
        error[name] = np.linalg.norm(y - want) / np.linalg.norm(want)
    assert error["direct"] <= 2e-6 and error["fast"] <= 2e-6
    assert 1e-5 <= error["tf32"] <= 6e-4


# ---------------------------------------------------------------- layers


def case(name, rng):
    """A layer of the table with small random sizes; the evaluating batch norm from running values, as a net makes it."""
    f, shape = CASES[name](lambda low, high: int(rng.integers(low, high + 1)))
    return (BatchNorm(shape[-1]), shape) if name == "BatchNorm(eval)" else (f, shape)


def passed(f, p, running, X, G, noise, evaluate):
    """(Y, X̄, p̄) of a bundle, the running values afterwards, and Y's shape."""
    bound = f.eval(running) if evaluate else f.bind(running, noise)
    Y, saved = bound.forward(p, X)
    after = bound.update(running, p, saved) if size(f.tree("running")) and not evaluate else ()
    return (Y, *bound.pull(p, saved, G(Y.shape)), after)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_and_its_adjoint_on_the_device(name):
    """A bundle of two tangents, forward, backward, gradient, and the running values afterwards."""
    rng = np.random.default_rng(3)
    f, shape = case(name, rng)
    p = f.init(rng)
    running, X = f.init_running(p, rng), rng.standard_normal((3, 4, *shape))
    drawn = {}

    def cotangent(shape):
        return drawn.setdefault("G", rng.standard_normal(shape))

    noise, evaluate = (np.random.default_rng(5) for _ in range(2)), "eval" in name
    want = passed(f, wide(p), wide(running), wide(X), lambda s: wide(cotangent(s)), next(noise), evaluate)
    draws = kernels.graphs().Draws(next(noise))
    found = passed(f, there(p), there(running), there(X), lambda s: there(cotangent(s)), draws, evaluate)
    near(found, want, np.linalg.norm(drawn["G"]))
