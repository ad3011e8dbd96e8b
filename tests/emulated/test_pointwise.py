"""The kernels of pointwise.cu, emulated, are the reference's operations on drawn shapes, with the same bits in any schedule."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinygan.kernels import reference
from tinygan.kernels.cuda import plan_flat

from . import emulator as emu
from .test_convolution import drawn

BOUND = 2e-6  # relative, against float64
NAMES = tuple(reference.POINTWISE)
SHAPES = st.tuples(st.integers(0, 3), st.integers(0, 7), st.integers(1, 90))  # K, N, channels


def library():
    return emu.of("pointwise.cu")


def draw(seed, *shape, scale=1):
    return scale * np.random.default_rng(seed).standard_normal(shape, np.float32)


def wide(*arrays):
    return [a.astype(np.float64) for a in arrays]


def launched(operation, **arrays):
    """Names of the kernels that an operation runs on these arrays."""
    at = {name: emu.address(a) for name, a in arrays.items()}
    return [launch.name for launch in operation.launches({"out": 0, "workspace": 0} | at)]


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("V", [4, 1])
@pytest.mark.parametrize("f", NAMES)
def test_an_activation_and_its_adjoint_are_the_references(f, V):
    @drawn
    @given(SHAPES, st.sampled_from([0.0, 0.2, 1.0]), st.integers(0, 2**20))
    @example((2, 5, 300), 0.2, 0)
    def check(shape, a, seed):
        K, N, C = shape
        X, G = (draw(seed + i, 1 + K, N, 4 * C if V == 4 else 4 * (C // 4) * N + 1, scale=3) for i in range(2))
        want, S = reference.pointwise(*wide(X), f, a)
        S = S.astype(np.float32)
        operations = plan_flat.pointwise(X.shape, f, a), plan_flat.pointwise_dx(X.shape, f, a)
        if N and V == 4:
            assert launched(operations[0], s=X) == [f"pointwise_{f}{V}"]
        (Y,), (GX,) = (
            emu.schedules(library(), op, **of) for op, of in zip(operations, ({"s": X}, {"s": S, "g": G}), strict=True)
        )
        emu.close(Y, want, BOUND)
        emu.close(GX, reference.pointwise_dx(*wide(S, G), f, a), BOUND, np.linalg.norm(X) if K else 0)

    check()


@pytest.mark.parametrize("f", NAMES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the reference: −∞ · σ(−∞)
def test_the_values_at_extreme_points_and_at_nan_are_the_references(f):
    X = np.array([[-np.inf, -1e30, -120, -1e-30, -0.0, 0, 1e-30, 20, 120, 1e30, np.inf, np.nan]], np.float32)
    want, _ = reference.pointwise(*wide(X), f, 0.5)
    (Y,) = library().apply(plan_flat.pointwise(X.shape, f, 0.5), s=X)
    np.testing.assert_allclose(Y, want, rtol=4e-7, atol=1e-37)


def test_more_elements_than_threads_and_rows_that_no_word_divides():
    X = draw(0, 2, plan_flat.BLOCKS * plan_flat.THREADS + 77)
    operation = plan_flat.pointwise(X.shape, "leaky_relu", 0.2)
    assert launched(operation, s=X) == ["pointwise_leaky_relu1"]
    emu.close(library().apply(operation, s=X)[0], reference.pointwise(*wide(X), "leaky_relu", 0.2)[0], BOUND)


def test_arrays_that_start_between_words_are_read_one_by_one():
    X = draw(0, 33)[1:].reshape(1, 32)
    operation = plan_flat.pointwise(X.shape, "tanh", 0)
    assert launched(operation, s=X) == ["pointwise_tanh1"]
    emu.close(library().apply(operation, s=X)[0], np.tanh(*wide(X)), BOUND)


# ---------------------------------------------------------------- vectors and channels


@pytest.mark.parametrize(
    "sizes", [[5], [0, 3, 0], [7] * 64, [1, 0, 2] * 43, [plan_flat.BLOCKS * plan_flat.THREADS + 9, 4]], ids=len
)
def test_arrays_in_a_vector_lie_one_after_another(sizes):
    parts = [draw(i, n) for i, n in enumerate(sizes)]
    arrays = {str(i): a for i, a in enumerate(parts)}
    (flat,) = emu.schedules(library(), plan_flat.flatten(sizes), **arrays)
    assert np.array_equal(flat, np.concatenate(parts)) and np.array_equal(flat, reference.flatten(parts))


@drawn
@given(SHAPES, st.integers(0, 2**20))
def test_a_scale_and_shift_is_the_references(shape, seed):
    K, N, C = shape
    X, scale, shift = draw(seed, 1 + K, N, C), draw(seed + 1, C), draw(seed + 2, C)
    (Y,) = emu.schedules(library(), plan_flat.scale_shift(X.shape), x=X, scale=scale, shift=shift)
    emu.close(Y, reference.scale_shift(*wide(X, scale, shift)), BOUND)


@drawn
@given(st.integers(0, 70) | st.just(40_004), st.sampled_from([(0.9, -0.1), (1, 1), (1, 2.5)]), st.integers(0, 2**20))
def test_combinations_and_products_are_the_references(n, numbers, seed):
    x, y = draw(seed, n), draw(seed + 1, n)
    a, b = numbers
    (z,) = emu.schedules(library(), plan_flat.combine(n, a, b), x=x, y=y)
    emu.close(z, reference.combine(a, *wide(x), b, *wide(y)), BOUND)
    (s,) = emu.schedules(library(), plan_flat.dot(n), x=x, y=y)
    emu.close(s, [reference.dot(*wide(x, y))], BOUND, np.linalg.norm(x * y))
    (elsewhere,) = library().apply(plan_flat.dot(n), x=np.append(0, x).astype(np.float32)[1:], y=y)
    assert elsewhere == s


@drawn
@given(st.integers(0, 2000), st.integers(1, 40) | st.just(300), st.integers(0, 2**20))
@example(20_000, 1, 0)
@example(5000, 3, 0)
@example(37, 0, 0)
def test_a_column_sum_is_the_references(R, C, seed):
    A = draw(seed, R, C)
    (s,) = emu.schedules(library(), plan_flat.column_sum((1, *A.shape)), a=A)
    emu.close(s, reference.column_sum(*wide(A)), BOUND, np.linalg.norm(A))


def test_sums_of_much_are_cut_into_parts_that_fill_a_chip():
    rows, columns = 64 * 32 * 32, 64
    width, run, parts = plan_flat.columns(rows, columns)
    assert parts * (columns // width) >= plan_flat.PROCESSORS
    assert (parts - 1) * run < rows <= parts * run
    assert len(launched(plan_flat.column_sum((rows, columns)), a=None)) == 2
