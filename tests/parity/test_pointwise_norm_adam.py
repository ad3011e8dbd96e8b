"""Activations, normalisation, Adam and sums of ``jit`` against ``reference`` in float64."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tinygan import kernels
from tinygan.kernels import reference

from .tools import DRAWS, EACH_WIDTH, vectors

jit = pytest.importorskip("tinygan.kernels.jit.operations", exc_type=ImportError)
pool = pytest.importorskip("tinygan.kernels.jit.pool", exc_type=ImportError)

DTYPES = ("float32", "float64")
EXACT = {"float32": 1e-5, "float64": 1e-12}  # relative to the largest output
ULPS = 4  # units in the last place of an activation of float32, anywhere; of float64 twice as many
NAMES = tuple(reference.POINTWISE)
SMOOTH = tuple(f for f in NAMES if "relu" not in f)
SIZES = {  # S, R, G, D
    "batch": (1, 2000, 32, 1),
    "batch odd": (1, 37, 5, 1),
    "batch many channels": (1, 9, 777, 1),
    "group one": (20, 16, 1, 31),
    "group one, few samples": (3, 500, 1, 17),
    "group": (4, 50, 3, 2),
    "instance": (5, 16, 7, 1),
    "layer": (9, 1, 1, 40),
    "layer long": (3, 1, 1, 5000),
    "rows of groups": (6, 1, 3, 11),
}
ADAM = {"lr": 1e-2, "b1": 0.5, "b2": 0.9, "eps": 1e-8, "t": 3}


def examples(share=1.0):
    return settings(
        max_examples=max(1, int(DRAWS * share)),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def close(found, expected, bound):
    """Shape and, to ``bound`` of the largest, values; every number finite."""
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max(initial=0) <= bound * max(np.abs(expected).max(initial=0), 1e-300)


def dressed(a, how):
    """The same values as a reader may meet them."""
    if how == "strided":
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
        wide[..., ::-2] = a
        return wide[..., ::-2]
    a = np.asfortranarray(a) if how == "fortran" else a.copy()
    a.flags.writeable = how != "read-only"
    return a


DRESS = st.sampled_from(("plain", "strided", "fortran", "read-only"))


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("width", EACH_WIDTH)
@pytest.mark.parametrize("f", NAMES)
@examples(0.25)
@given(
    K=st.integers(0, 3),
    shape=st.tuples(st.integers(0, 9), st.integers(1, 40)) | st.just((3, 5000)),
    dtype=st.sampled_from(DTYPES),
    a=st.sampled_from((0.0, 0.2, 1.0)),
    dress=DRESS,
    seed=st.integers(0, 99),
)
def test_an_activation_and_its_adjoint_are_the_references(f, width, K, shape, dtype, a, dress, seed):
    rng = np.random.default_rng(seed)
    X, G = (rng.normal(scale=3, size=(1 + K, *shape)).astype(dtype) for _ in "xg")
    expected, S = reference.pointwise(X.astype(float), f, a)
    expected_dx = reference.pointwise_dx(S, G.astype(float), f, a)
    with vectors(width):
        Y, S = jit.pointwise(dressed(X, dress), f, a)
        GX = jit.pointwise_dx(S, dressed(G, dress), f, a)
    assert Y.dtype == GX.dtype == dtype
    close(Y, expected, EXACT[dtype])
    close(GX, expected_dx, EXACT[dtype])


def everywhere(dtype):
    """Numbers of every exponent, subnormal and infinite ones too, of both signs."""
    bits = {"float32": np.arange(0, 2**32, 2**12 + 1, np.uint64).astype(np.uint32)}.get(dtype)
    if bits is None:
        bits = np.random.default_rng(0).integers(0, 2**64, 2**18, np.uint64)
    x = bits.view(dtype)
    dense = np.linspace(-120, 120, 100_001).astype(dtype)
    return np.concatenate([x[np.isfinite(x)], dense, np.array([np.inf, -np.inf, 0.0, -0.0], dtype)])


@pytest.mark.parametrize("width", EACH_WIDTH)
@pytest.mark.parametrize("f", SMOOTH)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the reference: −∞ · σ(−∞)
def test_a_float32_activation_is_right_to_a_few_units_in_the_last_place_everywhere(f, width):
    x = everywhere("float32")
    expected = reference.pointwise(x.astype(float)[None], f, 0.5)[0][0]
    with vectors(width):
        y = jit.pointwise(x[None], f, 0.5)[0][0]
    with np.errstate(over="ignore"):
        unit = np.spacing(np.abs(expected.astype("float32"))).astype(float)
        large = np.abs(expected) > np.finfo("float32").max
    assert np.array_equal(np.isnan(y), np.isnan(expected))
    assert np.array_equal(y[large], expected[large].astype("float32"))
    if f == "silu":  # x σ(x), where σ(x) is subnormal and its step is multiplied by x
        unit[x < -87] = 128 * np.finfo("float32").smallest_subnormal
    rest = ~np.isnan(y) & ~large
    assert (np.abs(y[rest] - expected[rest]) <= ULPS * unit[rest]).all()


@pytest.mark.parametrize("f", SMOOTH)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_float64_activation_is_right_too(f):
    x = everywhere("float64")
    y, expected = (backend.pointwise(x[None], f, 0.5)[0][0] for backend in (jit, reference))
    assert np.array_equal(np.isnan(y), np.isnan(expected))
    same = (y == expected) | np.isnan(y)
    assert (np.abs(y - expected)[~same] <= 2 * ULPS * np.spacing(np.abs(expected[~same]))).all()


@pytest.mark.parametrize("f", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_nan_is_passed_on_and_stays_where_it_is(f, dtype):
    X = np.linspace(-3, 3, 3 * 37).astype(dtype).reshape(3, 37)
    X[:, 5] = np.nan
    Y, S = jit.pointwise(X, f, 0.2)
    GX = jit.pointwise_dx(S, np.ones_like(X), f, 0.2)
    expected, T = reference.pointwise(X, f, 0.2)
    assert np.array_equal(np.isnan(Y), np.isnan(expected))
    assert np.array_equal(np.isnan(GX), np.isnan(reference.pointwise_dx(T, np.ones_like(X), f, 0.2)))
    assert np.isnan(Y[0, 5]) and np.isnan(Y).sum() <= 3


@pytest.mark.parametrize("f", NAMES)
@pytest.mark.parametrize("width", EACH_WIDTH)
def test_a_number_has_the_same_bits_wherever_it_stands(f, width, rng):
    X = rng.normal(size=(1, 131)).astype("float32")
    with vectors(width):
        whole = jit.pointwise(X, f, 0.2)[0]
        for first in (1, 3, 126):
            assert np.array_equal(jit.pointwise(X[:, first:], f, 0.2)[0], whole[:, first:])


# ---------------------------------------------------------------- normalisation


def normalised(backend, X, gamma, beta, G, sizes, *, centre, **wrt):
    Y, saved = backend.normalise(X, gamma, beta, sizes, 1e-5, centre=centre)
    GX, g = backend.normalise_vjp(saved, gamma, G, sizes, centre=centre, **wrt)
    return {"y": Y, "gx": GX, **dict(zip(("gamma", "beta"), g or (), strict=False))} | dict(enumerate(saved[1]))


def arrays(sizes, K, dtype, seed, mean=2.0):
    rng = np.random.default_rng(seed)
    S, R, G, D = sizes
    X, cotangent = (rng.normal(m, 2, size=(1 + K, S, R, G * D)).astype(dtype) for m in (mean, 0))
    return X, *rng.normal(size=(2, G * D)).astype(dtype), cotangent


@pytest.mark.parametrize("width", EACH_WIDTH)
@examples()
@given(
    sizes=st.sampled_from(list(SIZES.values()))
    | st.tuples(st.integers(0, 20), st.integers(3, 9), st.integers(1, 5), st.integers(1, 5))
    | st.tuples(st.integers(0, 9), st.just(1), st.integers(1, 4), st.integers(3, 70)),
    K=st.integers(0, 3),
    dtype=st.sampled_from(DTYPES),
    centre=st.booleans(),
    scaled=st.booleans(),
    dress=DRESS,
    seed=st.integers(0, 99),
)
@example(sizes=(0, 4, 2, 2), K=1, dtype="float32", centre=True, scaled=True, dress="plain", seed=0)
def test_a_normalisation_and_its_adjoint_are_the_references(width, sizes, K, dtype, centre, scaled, dress, seed):
    X, gamma, beta, G = arrays(sizes, K, dtype, seed)
    p = (gamma, beta) if scaled else (None, None)
    wide = (None if a is None else a.astype(float) for a in p)
    expected = normalised(reference, X.astype(float), *wide, G.astype(float), sizes, centre=centre)
    with vectors(width):
        found = normalised(jit, dressed(X, dress), *p, dressed(G, dress), sizes, centre=centre)
    worst = max(
        1.0, float(expected[2].max(initial=0))
    )  # the derivatives of a group that is nearly constant are so large
    for name, value in expected.items():
        assert found[name].dtype == dtype
        close(found[name], value, EXACT[dtype] * worst**2)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_what_is_not_asked_for_is_none_and_the_rest_is_the_same(sizes):
    X, gamma, beta, G = arrays(sizes, 2, "float32", 0)
    both, x, p = (
        normalised(jit, X, gamma, beta, G, sizes, centre=True, wrt_x=wrt_x, wrt_p=wrt_p)
        for wrt_x, wrt_p in ((True, True), (True, False), (False, True))
    )
    assert np.array_equal(x["gx"], both["gx"]) and "gamma" not in x
    assert p["gx"] is None and all(np.array_equal(p[name], both[name]) for name in ("gamma", "beta"))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_statistics_survive_a_mean_far_from_zero(sizes):
    X, gamma, beta, _ = arrays(sizes, 0, "float32", 1, mean=3000)
    _, (_, (mean, var, *_)) = jit.normalise(X, gamma, beta, sizes, 1e-5, centre=True)
    _, (_, (mean64, var64, *_)) = reference.normalise(X.astype(float), None, None, sizes, 1e-5, centre=True)
    assert np.abs(mean / mean64 - 1).max() <= 1e-6
    assert np.abs(var / var64 - 1).max() <= 1e-5


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_nan_spoils_its_group_and_no_other(sizes):
    X, gamma, beta, _ = arrays(sizes, 0, "float32", 1)
    X[0, -1, -1, -1] = np.nan
    Y, _ = jit.normalise(X, gamma, beta, sizes, 1e-5, centre=True)
    assert np.isnan(Y).sum() == sizes[1] * sizes[3]


# ---------------------------------------------------------------- flat vectors


@pytest.mark.parametrize("width", EACH_WIDTH)
@examples(0.25)
@given(n=st.integers(0, 70) | st.just(40_001), dtype=st.sampled_from(DTYPES), dress=DRESS, seed=st.integers(0, 99))
def test_flat_vectors_are_the_references(width, n, dtype, dress, seed):
    rng = np.random.default_rng(seed)
    theta, g, m = (rng.normal(size=n).astype(dtype) for _ in range(3))
    flat = theta, g, m, m * m
    expected = reference.adam(*(a.astype(float) for a in flat), **ADAM)
    with vectors(width):
        found = jit.adam(*(dressed(a, dress) for a in flat), **ADAM)
        mixed, product = jit.combine(0.9, dressed(theta, dress), -0.1, g), jit.dot(theta, dressed(g, dress))
    for a, b in zip((*found, mixed), (*expected, 0.9 * theta.astype(float) - 0.1 * g), strict=True):
        assert a.dtype == dtype
        close(a, b, EXACT[dtype])
    assert abs(product - theta.astype(float) @ g) <= EXACT[dtype] * (np.abs(theta) @ np.abs(g) + 1e-300)


@pytest.mark.parametrize("width", EACH_WIDTH)
@examples(0.25)
@given(
    shape=st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(1, 70)) | st.just((50, 30, 33)),
    dtype=st.sampled_from(DTYPES),
    dress=DRESS,
    seed=st.integers(0, 99),
)
def test_a_column_sum_is_the_references(width, shape, dtype, dress, seed):
    A = np.random.default_rng(seed).normal(size=shape).astype(dtype)
    with vectors(width):
        found = jit.column_sum(dressed(A, dress))
    assert found.dtype == dtype
    largest = np.abs(A).sum(axis=(0, 1), dtype=float).max(initial=0)
    assert found.shape == shape[-1:]
    assert np.abs(found - A.sum(axis=(0, 1), dtype=float)).max(initial=0) <= EXACT[dtype] * largest


@pytest.mark.parametrize("width", EACH_WIDTH)
@examples(0.25)
@given(
    K=st.integers(0, 2),
    shape=st.tuples(st.integers(0, 20), st.integers(1, 70)) | st.just((3000, 5)),
    dtype=st.sampled_from(DTYPES),
    dress=DRESS,
)
def test_a_scale_and_shift_is_the_references(width, K, shape, dtype, dress):
    rng = np.random.default_rng(shape)
    X, scale, shift = (rng.normal(size=s).astype(dtype) for s in ((1 + K, *shape), shape[1:], shape[1:]))
    with vectors(width):
        found = jit.scale_shift(dressed(X, dress), scale, shift)
    assert found.dtype == dtype
    close(found, reference.scale_shift(X.astype(float), scale, shift), EXACT[dtype])


# ---------------------------------------------------------------- threads


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_results_do_not_depend_on_the_number_of_threads(sizes, dtype):
    X, gamma, beta, G = arrays(sizes, 2, dtype, 0)
    flat = np.resize(X, 70_001)

    def all_of_it():
        yield from normalised(jit, X, gamma, beta, G, sizes, centre=True).values()
        yield from (jit.column_sum(X), jit.scale_shift(X, gamma, beta))
        for f in NAMES:
            Y, S = jit.pointwise(X, f, 0.2)
            yield from (Y, jit.pointwise_dx(S, G, f, 0.2))
        yield from jit.adam(flat, flat, flat, flat * flat, **ADAM)
        yield jit.dot(flat, flat)

    with pool.threads(1):
        alone = list(all_of_it())
    for n in (2, 3):
        with pool.threads(n):
            assert all(np.array_equal(a, b) for a, b in zip(all_of_it(), alone, strict=True))


def test_halves_and_other_dtypes_go_to_the_reference():
    X = np.linspace(-2, 2, 12).astype(np.float16).reshape(1, 4, 3)
    for operation in (
        lambda b: b.pointwise(X, "tanh", 0.0)[0],
        lambda b: b.normalise(X, None, None, (1, 4, 3, 1), 1e-5, centre=True)[0],
        lambda b: b.column_sum(X),
        lambda b: b.combine(1, X, 2, X),
    ):
        a, b = operation(jit), operation(reference)
        assert a.dtype == b.dtype == np.float16 and np.array_equal(a, b)
    assert kernels.dot(X, X) == pytest.approx(reference.dot(X, X))
