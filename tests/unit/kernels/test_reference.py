"""The reference kernels are what their formulas say: against plain loops, and at extreme values."""

import importlib
import inspect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan import kernels
from tinygan.core.compose import Sequential
from tinygan.kernels import reference
from tinygan.layers import AvgPool2d, Conv2d, ConvPool2d, UpConv2d, Upsample

small = st.integers(0, 3)


@st.composite
def convolutions(draw):
    """x, w, stride and pad of a convolution with at least one output."""
    kernel = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    pad = (draw(small), draw(small)), (draw(small), draw(small))
    H, W = (max(1, k - sum(p)) + draw(st.integers(0, 5)) for k, p in zip(kernel, pad, strict=True))
    N, C, O = draw(small), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.normal(size=(N, H, W, C)), rng.normal(size=(*kernel, C, O)), {"stride": stride, "pad": pad}


def by_loops(x, w, stride, pad):
    """The triple sum of the definition, pixel by pixel."""
    x = np.pad(x, ((0, 0), *pad, (0, 0)))
    (kh, kw), (sh, sw) = w.shape[:2], stride
    h, v = (x.shape[1] - kh) // sh + 1, (x.shape[2] - kw) // sw + 1
    y = np.zeros((len(x), h, v, w.shape[3]))
    for i, j in itertools.product(range(h), range(v)):
        y[:, i, j] = np.einsum("nuvc,uvco->no", x[:, i * sh : i * sh + kh, j * sw : j * sw + kw], w)
    return y


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(case=convolutions())
def test_convolution_is_its_definition_and_both_adjoints_are_exact(case):
    x, w, how = case
    y = kernels.conv2d(x, w, **how)
    expected = by_loops(x, w, **how)
    assert y.shape == expected.shape
    assert np.abs(y - expected).max(initial=0) <= 1e-12
    g = np.random.default_rng(1).normal(size=y.shape)
    form, bound = (y * g).sum(), 1e-12 * (1 + np.abs(y * g).sum())
    gx = kernels.conv2d_dx(g, w, size=x.shape[1:3], **how)
    gw = kernels.conv2d_dw(x, g, kernel=w.shape[:2], **how)
    assert gx.shape == x.shape and gw.shape == w.shape
    assert abs((gx * x).sum() - form) <= bound
    assert abs((gw * w).sum() - form) <= bound


@pytest.mark.parametrize(
    ("fused", "apart"),
    [
        (UpConv2d(3, 5), lambda p: (Sequential(Upsample(2), Conv2d(3, 5, 3, pad=1)), ((), p))),
        (ConvPool2d(3, 5), lambda p: (Sequential(Conv2d(3, 5, 3, pad=1), AvgPool2d(2)), (p, ()))),
    ],
    ids=["upsample and convolve", "convolve and pool"],
)
def test_a_fused_layer_equals_its_two_parts(fused, apart, rng):
    w, _ = fused.init(rng)
    p = w, rng.normal(size=5)
    X = rng.normal(size=(2, 3, 4, 6, 3))
    f, q = apart(p)
    Y, saved = fused.forward(p, X)
    Z, _ = f.forward(q, X)
    assert np.abs(Y - Z).max() <= 1e-13
    assert saved is X


@pytest.mark.parametrize("f", reference.POINTWISE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_and_derivatives_stay_finite_at_extreme_values(f, dtype):
    X = np.array([[-1e4, -100, -1, 0, 1, 100, 1e4]] * 3, dtype)
    X[1:] = 1
    Y, S = kernels.pointwise(X, f, 0.2)
    G = kernels.pointwise_dx(S, np.ones_like(X), f, 0.2)
    assert Y.dtype == G.dtype == dtype
    assert np.isfinite(Y).all() and np.isfinite(G).all()


def test_the_dispatcher_knows_its_backends():
    assert kernels.choose("auto") in kernels.available()
    with kernels.on_cpu("reference"):
        assert kernels.cpu_backend() == "reference"
        assert kernels.backend(np.zeros(1)) is reference
    with pytest.raises(ValueError, match="unknown backend 'fast': choose one of auto, reference, jit, cuda"):
        kernels.choose("fast")


@pytest.mark.parametrize("operation", kernels.OPERATIONS)
def test_every_backend_has_every_operation_with_the_dispatchers_arguments(operation):
    wanted = inspect.signature(getattr(kernels, operation)).parameters
    for name in kernels.available():
        if name == "cuda":
            continue  # imports CuPy; the device tests ask it
        found = inspect.signature(
            getattr(
                importlib.import_module(f"tinygan.kernels.{name}" + ("" if name == "reference" else ".operations")),
                operation,
            )
        ).parameters
        assert [(p.name, p.kind) for p in found.values()] == [(p.name, p.kind) for p in wanted.values()]
