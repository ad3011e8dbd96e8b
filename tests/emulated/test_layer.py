"""A whole batch-normalised layer of a bundle, forward and backward, on the emulated device."""

import numpy as np
import pytest

from tinygan import kernels
from tinygan.kernels import reference

from . import emulator as emu
from . import fake_cupy
from .device_checks import there

K, N, SIZE, C, O = 2, 3, (9, 8), 8, 12
GEOMETRY = {"stride": (2, 2), "pad": ((1, 1), (1, 2))}
SLOPE, EPS = 0.2, 1e-5


@pytest.fixture(autouse=True)
def device(monkeypatch):
    fake_cupy.installed(monkeypatch, emu.of)
    with kernels.precision("direct"):
        yield
    fake_cupy.removed()


def layer(by, x, w, b, gamma, beta, G):
    """y, ẏ and x̄, ẋ̄, w̄, b̄, γ̄, β̄ of leaky_relu(batch_norm(w ⋆ x + b))."""
    A = by.conv2d(x, w, bias=b, points=N, **GEOMETRY)
    A = A.reshape(1 + K, N, *A.shape[1:])
    sizes = (1, A[0, ..., 0].size, O, 1)
    B, normed = by.normalise(A, gamma, beta, sizes, EPS, centre=True)
    Y, saved = by.pointwise(B, "leaky_relu", SLOPE)
    GB = by.pointwise_dx(saved, G, "leaky_relu", SLOPE)
    GA, parameters = by.normalise_vjp(normed, gamma, GB, sizes, centre=True)
    rows = GA.reshape(-1, *GA.shape[2:])
    gx = by.conv2d_dx(rows, w, size=SIZE, **GEOMETRY)
    gw = by.conv2d_dw(x, rows, kernel=w.shape[:2], **GEOMETRY)
    return {"y": Y, "x": gx, "w": gw, "b": by.column_sum(GA[0]), "gamma": parameters[0], "beta": parameters[1]}


@pytest.mark.parametrize("seed", range(3))
def test_conv_norm_and_activation_are_the_references_forward_and_backward(seed):
    rng = np.random.default_rng(seed)
    shapes = {"x": ((1 + K) * N, *SIZE, C), "w": (4, 3, C, O), "b": (O,), "gamma": (O,), "beta": (O,)}
    arrays = [rng.standard_normal(shape, np.float32) for shape in (*shapes.values(), (1 + K, N, 4, 5, O))]
    found, want = layer(kernels, *there(tuple(arrays))), layer(reference, *(a.astype(np.float64) for a in arrays))
    for name, value in want.items():
        # batch norm takes the mean away, so b̄ is rounding of what it is the sum of
        emu.close(found[name].get(), value, 4e-6, np.linalg.norm(want["beta"]) if name == "b" else 0)
