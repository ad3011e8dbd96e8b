"""The kernels of conv.cu, emulated, are the reference's operations: every instance, on drawn shapes, in any schedule."""

import ctypes
import os
from math import prod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinygan.kernels import reference
from tinygan.kernels.cuda import plan, plan_conv
from tinygan.kernels.cuda.args import Divisor
from tinygan.kernels.shapes import outputs

from . import emulator as emu

DRAWS = max(int(os.environ.get("TINYGAN_DRAWS", "200")) // 8, 2)  # of each of the 45 kernels
BOUNDS = {"fp32": 2e-6, "tf32x3": 2e-6, "tf32": 6e-4}  # relative, against float64
NOWHERE = dict.fromkeys(("a", "b", "out", "workspace"), 0)  # addresses for plans that are only looked at
OPERATIONS = ("conv2d", "conv2d_dx", "conv2d_dw")
NO_BIAS = {"conv2d": {"bias": None}, "conv2d_dx": {"bias": None}, "conv2d_dw": {}}
INSTANCES = [
    (operation, arithmetic, tile, vector)
    for operation in OPERATIONS
    for arithmetic in plan.ARITHMETICS
    for tile, vector in (("large", 4), ("small", 4), ("small", 1), ("narrow", 4), ("narrow", 1))
]
drawn = settings(
    max_examples=DRAWS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Case:
    """Drawn arrays of one convolution, and the reference's results in float64."""

    def __init__(self, N, size, channels, kernel, stride, pad, seed, points=None):
        rng, (C, O) = np.random.default_rng(seed), channels
        self.size, self.kernel, self.points = size, kernel, points
        self.geometry = {"stride": stride, "pad": pad}
        P = outputs(size, kernel, stride, pad)
        self.x, self.w = self.draw(rng, N, *size, C), self.draw(rng, *kernel, C, O)
        self.y, self.b_y, self.b_x = self.draw(rng, N, *P, O), self.draw(rng, O), self.draw(rng, C)

    @staticmethod
    def draw(rng, *shape):
        return rng.standard_normal(shape, np.float32)

    def arguments(self, operation):
        """Operands, and what else the reference takes."""
        bias = {"points": self.points, **self.geometry}
        return {
            "conv2d": ((self.x, self.w), {"bias": self.b_y, **bias}),
            "conv2d_dx": ((self.y, self.w), {"size": self.size, "bias": self.b_x, **bias}),
            "conv2d_dw": ((self.x, self.y), {"kernel": self.kernel, **self.geometry}),
        }[operation]

    def run(self, emulator, operation, arithmetic, choice=None, **how):
        operands, more = self.arguments(operation)
        return getattr(emu, operation)(emulator, *operands, **more, arithmetic=arithmetic, choice=choice, how=how)

    def truth(self, operation):
        operands, more = self.arguments(operation)
        return getattr(reference, operation)(*(a.astype(np.float64) for a in operands), **more)

    def typical(self, operation):
        """Σ of the squared terms of each output, the bias apart."""
        operands, more = self.arguments(operation)
        return getattr(reference, operation)(
            *(a.astype(np.float64) ** 2 for a in operands), **more | NO_BIAS[operation]
        )

    def check(self, found, operation, bound):
        """‖found − want‖ ≤ bound ‖want‖, every number finite.

        Where few outputs are small by chance, ‖want‖ is what it is on average: their rounding errors are not small.
        """
        want = self.truth(operation)
        assert found.shape == want.shape
        assert np.isfinite(found).all()
        size = max(np.linalg.norm(want), np.sqrt(self.typical(operation).sum()))
        assert np.linalg.norm(found - want) <= bound * size


@st.composite
def cases(draw, operation, vector):
    C, O = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    if vector == 4:  # what the kernel copies is a multiple of four; dx only stores C
        C, O = C if operation == "conv2d_dx" else 4 * (C // 4 + 1), 4 * (O // 2 + 1)
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    pad = draw(st.tuples(*(st.tuples(st.integers(-1, 2), st.integers(-1, 2)),) * 2))
    least = [max(k - sum(p), 1) for k, p in zip(kernel, pad, strict=True)]
    size = tuple(n + draw(st.integers(0, 6)) for n in least)
    N = draw(st.integers(1, 3))
    return Case(N, size, (C, O), kernel, stride, pad, draw(st.integers(0, 2**20)), draw(st.sampled_from([None, 0, 1])))


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda i: f"{i[0]}-{i[1]}-{i[2]}{i[3]}")
def test_an_instance_is_the_references_operation_whatever_the_schedule(instance):
    operation, arithmetic, tile, vector = instance

    @drawn
    @given(case=cases(operation, vector), splits=st.sampled_from([1, 1, 2, 5]), seed=st.integers(0, 99))
    def holds(case, splits, seed):
        choice = plan.Choice(tile, vector, splits)
        found = case.run(emu.of(), operation, arithmetic, choice)
        case.check(found, operation, BOUNDS[arithmetic])
        for schedule in ("reverse", "random"):
            again = case.run(emu.of(), operation, arithmetic, choice, schedule=schedule, seed=seed)
            assert np.array_equal(found, again)

    holds()


LAYERS = {  # DCGAN's, narrower: (size, C, O), kernel, stride, pad
    "down": (((8, 8), (32, 64)), (4, 4), (2, 2), 1),
    "image": (((16, 16), (3, 64)), (4, 4), (2, 2), 1),
    "whole": (((4, 4), (64, 1)), (4, 4), (1, 1), 0),
    "same": (((6, 6), (64, 64)), (3, 3), (1, 1), 1),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("arithmetic", plan.ARITHMETICS)
def test_a_bundle_is_more_samples_and_the_bias_goes_to_its_points(layer, operation, arithmetic):
    (size, channels), kernel, stride, p = LAYERS[layer]
    case = Case(3 * 4, size, channels, kernel, stride, ((p, p), (p, p)), seed=1, points=4)
    case.check(case.run(emu.of(), operation, arithmetic), operation, BOUNDS[arithmetic])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_samples_and_no_channels(operation):
    for N, channels in ((0, (3, 5)), (2, (0, 5))):
        case = Case(N, (4, 4), channels, (3, 3), (2, 2), ((1, 1), (1, 1)), seed=1, points=1)
        assert np.array_equal(case.run(emu.of(), operation, "fp32"), case.truth(operation).astype(np.float32))


@pytest.mark.parametrize("bits", [0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000], ids=hex)
@pytest.mark.parametrize("arithmetic", plan.ARITHMETICS)
@pytest.mark.parametrize("of", ["x", "w"])
def test_a_nan_is_passed_on(bits, arithmetic, of):
    """A GPU's own has all bits set, so that one added to them would make it a zero."""
    case = Case(2, (5, 5), (8, 12), (3, 3), (2, 2), ((1, 1), (1, 1)), seed=1)
    getattr(case, of)[..., 1, 3, 2].view(np.uint32)[...] = bits
    found, want = case.run(emu.of(), "conv2d", arithmetic), case.truth("conv2d")
    assert np.array_equal(np.isnan(found), np.isnan(want))
    assert 0 < np.isnan(found).sum() < found.size


@pytest.mark.parametrize("by", [1, 2, 3, 7, 12, 641, 65535, 65536, 2**30 + 1, 2**31 - 1])
def test_a_divisor_divides_every_31_bit_number(by, rng):
    d = Divisor.of(by)
    n = np.unique(np.concatenate([rng.integers(0, 2**31, 1000), np.arange(9), 2**31 - 1 - np.arange(9)]))
    near = [m for k in (1, 2, 1000, 2**31 // by) for m in (k * by - 1, k * by) if 0 <= m < 2**31]
    for value in (*n.tolist(), *near):
        assert value * d.times >> d.shift == value // by


def test_arrays_beyond_32_bit_offsets_are_refused():
    with pytest.raises(ValueError, match="shapes do not fit"):
        plan_conv.conv2d((2**20, 64, 64, 4), (1, 1, 4, 4), stride=(1, 1), pad=((0, 0), (0, 0)), arithmetic="fp32")


def test_the_plans_of_dcgan_fill_a_chip():
    for shape, w in (((64, 8, 8, 128), (4, 4, 128, 256)), ((64, 32, 32, 64), (4, 4, 64, 128))):
        operation = plan_conv.conv2d(shape, w, stride=(2, 2), pad=((1, 1), (1, 1)), arithmetic="tf32")
        first, *_ = operation.launches(NOWHERE)
        assert prod(first.grid) >= plan.PROCESSORS // 2
        assert ctypes.sizeof(first.args) <= 4096
        assert first.shared <= 227 * 1024
