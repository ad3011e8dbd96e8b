"""A whole batch-normalised layer of a bundle, forward and backward, by emulated kernels alone."""

import numpy as np
import pytest

from tinygan.kernels import cuda_plan_flat, cuda_plan_norm, reference

from . import emulator as emu

K, N, SIZE, C, O = 2, 3, (9, 8), 8, 12
GEOMETRY = {"stride": (2, 2), "pad": ((1, 1), (1, 2))}
SLOPE, EPS = 0.2, 1e-5


class Emulated:
    """The reference's calls, by kernels on the emulator."""

    def conv2d(self, *a, **kw):
        return emu.conv2d(emu.of(), *a, **kw, arithmetic="fp32")

    def conv2d_dx(self, *a, **kw):
        return emu.conv2d_dx(emu.of(), *a, **kw, arithmetic="fp32")

    def conv2d_dw(self, *a, **kw):
        return emu.conv2d_dw(emu.of(), *a, **kw, arithmetic="fp32")

    def normalise(self, X, gamma, beta, sizes, eps, *, centre):
        operation = cuda_plan_norm.normalise(X.shape, sizes, eps, centre=centre)
        Y, *saved = emu.of("norm.cu").apply(operation, x=X, gamma=gamma, beta=beta)
        return Y, (X, dict(zip(cuda_plan_norm.SAVED, saved, strict=True)))

    def normalise_pull(self, saved, gamma, G, sizes, *, centre):
        X, saved = saved
        operation = cuda_plan_norm.normalise_pull(X.shape, sizes, centre=centre)
        GX, parameters = emu.of("norm_pull.cu").apply(operation, x=X, g=G, gamma=gamma, **saved)
        return GX, tuple(parameters)

    def pointwise(self, X, f, a):
        (Y,) = emu.of("pointwise.cu").apply(cuda_plan_flat.pointwise(X.shape, f, a), s=X)
        return Y, Y

    def pointwise_dx(self, S, G, f, a):
        return emu.of("pointwise.cu").apply(cuda_plan_flat.pointwise_dx(S.shape, f, a), s=S, g=G)[0]

    def column_sum(self, A):
        return emu.of("pointwise.cu").apply(cuda_plan_flat.column_sum(A.shape), a=A)[0]


def layer(kernels, x, w, b, gamma, beta, G):
    """y, ẏ and x̄, ẋ̄, w̄, b̄, γ̄, β̄ of leaky_relu(batch_norm(w ⋆ x + b))."""
    A = kernels.conv2d(x, w, bias=b, points=N, **GEOMETRY)
    A = A.reshape(1 + K, N, *A.shape[1:])
    sizes = (1, A[0, ..., 0].size, O, 1)
    B, normed = kernels.normalise(A, gamma, beta, sizes, EPS, centre=True)
    Y, saved = kernels.pointwise(B, "leaky_relu", SLOPE)
    GB = kernels.pointwise_dx(saved, G, "leaky_relu", SLOPE)
    GA, parameters = kernels.normalise_pull(normed, gamma, GB, sizes, centre=True)
    rows = GA.reshape(-1, *GA.shape[2:])
    gx = kernels.conv2d_dx(rows, w, size=SIZE, **GEOMETRY)
    gw = kernels.conv2d_dw(x, rows, kernel=w.shape[:2], **GEOMETRY)
    return {"y": Y, "x": gx, "w": gw, "b": kernels.column_sum(GA[0]), "gamma": parameters[0], "beta": parameters[1]}


@pytest.mark.parametrize("seed", range(3))
def test_conv_norm_and_activation_are_the_references_forward_and_backward(seed):
    rng = np.random.default_rng(seed)
    shapes = {"x": ((1 + K) * N, *SIZE, C), "w": (4, 3, C, O), "b": (O,), "gamma": (O,), "beta": (O,)}
    arrays = [rng.standard_normal(shape, np.float32) for shape in (*shapes.values(), (1 + K, N, 4, 5, O))]
    found, want = layer(Emulated(), *arrays), layer(reference, *(a.astype(np.float64) for a in arrays))
    for name, value in want.items():
        # batch norm takes the mean away, so b̄ is rounding of what it is the sum of
        emu.close(found[name], value, 4e-6, np.linalg.norm(want["beta"]) if name == "b" else 0)
