"""The kernels of norm.cu and norm_vjp.cu, emulated, are the reference's normalisations of bundles and their adjoints."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinygan.kernels import reference
from tinygan.kernels.cuda import plan_norm

from . import emulator as emu
from .test_convolution import drawn

BOUND = 2e-6  # relative, against float64
EPS = 1e-5
SIZES = {  # S, R, G, D
    "batch": (1, 700, 32, 1),
    "batch odd": (1, 37, 5, 1),
    "batch, many channels": (1, 9, 150, 1),
    "batch, parts": (1, 9000, 3, 1),
    "group": (4, 50, 3, 2),
    "group one": (3, 16, 1, 31),
    "group, parts": (2, 900, 2, 8),
    "instance": (5, 16, 7, 1),
    "instance, one channel": (5, 16, 1, 1),
    "layer": (9, 1, 1, 40),
    "layer long": (3, 1, 1, 5000),
    "rows of groups": (6, 1, 3, 12),
}


def arrays(sizes, K, seed, mean=0.0):
    rng, (S, R, G, D) = np.random.default_rng(seed), sizes
    X, cotangent = (rng.normal(m, 1, (1 + K, S, R, G * D)).astype(np.float32) for m in (mean, 0))
    gamma, beta = rng.normal(size=(2, G * D)).astype(np.float32)
    return X, gamma, beta, cotangent


def wide(*arrays):
    return [None if a is None else a.astype(np.float64) for a in arrays]


def truth(X, gamma, beta, G, sizes, centre):
    """y; μ, var, r, ⟨ẋ⟩, a; x̄ and ẋ̄, (γ̄, β̄) in float64."""
    X, gamma, beta, G = wide(X, gamma, beta, G)
    Y, saved = reference.normalise(X, gamma, beta, sizes, EPS, centre=centre)
    GX, g = reference.normalise_vjp(saved, gamma, G, sizes, centre=centre)
    return Y, saved[1], GX, np.stack(g)


def check(X, gamma, beta, G, sizes, centre, run):
    """Against the truth; ``run`` takes a file's name and an operation with its arrays."""
    Y, (mu, var, r, x_mean, a), GX, g = truth(X, gamma, beta, G, sizes, centre)
    of = {} if gamma is None else {"gamma": gamma}
    y, *found = run("norm.cu", plan_norm.normalise(X.shape, sizes, EPS, centre=centre), x=X, **of, beta=beta)
    saved = dict(zip(plan_norm.SAVED, found, strict=True))
    gx, parameters = run("norm_vjp.cu", plan_norm.normalise_vjp(X.shape, sizes, centre=centre), x=X, g=G, **of, **saved)
    emu.close(y, Y, BOUND)
    mean = saved["mean"].astype(np.float64) + saved["rest"]
    S, _, groups, _ = sizes
    assert (np.abs(mean[0] - mu.reshape(S, groups)) <= BOUND * np.sqrt(var).reshape(S, groups)).all()  # as z sees it
    emu.close(mean[1:], x_mean.reshape(mean[1:].shape), BOUND, np.sqrt(x_mean.size))
    for name, want in (("var", var), ("r", r), ("a", a)):
        emu.close(saved[name], want.reshape(saved[name].shape), BOUND, np.sqrt(want.size) if name == "a" else 0)
    emu.close(gx[1:], GX[1:], BOUND)
    emu.close(gx[0], GX[0], BOUND)
    emu.close(parameters, g, BOUND, np.linalg.norm(G))


def scheduled(file, operation, **arrays):
    return emu.schedules(emu.of(file), operation, **arrays)


@drawn
@given(
    st.sampled_from(list(SIZES.values()))
    | st.tuples(st.integers(1, 6), st.integers(5, 40), st.integers(1, 40), st.integers(1, 5))
    | st.tuples(st.integers(1, 9), st.just(1), st.integers(1, 4), st.integers(9, 300)),
    st.integers(0, 3) | st.just(5),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**20),
)
@example((1, 37, 8, 1), 2, True, True, 0)
def test_a_normalisation_and_its_adjoint_are_the_references(sizes, K, centre, scaled, seed):
    X, gamma, beta, G = arrays(sizes, K, seed, mean=0.5)
    check(X, *((gamma, beta) if scaled else (None, None)), G, sizes, centre, scheduled)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_mean_far_larger_than_the_deviation_costs_nothing(sizes):
    X, gamma, beta, G = arrays(sizes, 1, 1, mean=1000)
    check(X, gamma, beta, G, sizes, True, lambda file, *a, **kw: emu.of(file).apply(*a, **kw))


@pytest.mark.parametrize("sizes", [(1, 0, 8, 1), (0, 4, 3, 2), (2, 0, 3, 2)])
def test_nothing_to_normalise(sizes):
    X, gamma, beta, G = arrays(sizes, 1, 0)
    check(X, gamma, beta, G, sizes, True, scheduled)


@pytest.mark.parametrize("sizes", [(1, 37, 8, 1), (3, 5, 2, 4)])
def test_what_is_not_asked_for_is_not_there_and_the_rest_is_the_same(sizes):
    X, gamma, beta, G = arrays(sizes, 2, 0)
    _, *found = emu.of("norm.cu").apply(
        plan_norm.normalise(X.shape, sizes, EPS, centre=True), x=X, gamma=gamma, beta=beta
    )
    of = {"x": X, "g": G, "gamma": gamma, **dict(zip(plan_norm.SAVED, found, strict=True))}
    both, x, p = (
        emu.of("norm_vjp.cu").apply(plan_norm.normalise_vjp(X.shape, sizes, centre=True, wrt_x=a, wrt_p=b), **of)
        for a, b in ((True, True), (True, False), (False, True))
    )
    assert np.array_equal(x[0], both[0])
    assert np.array_equal(p[0], both[1])
    assert len(x) == len(p) == 1


def test_a_nan_spoils_its_group_and_no_other():
    sizes = (2, 6, 3, 2)
    X, gamma, beta, _ = arrays(sizes, 0, 0)
    X[0, -1, -1, -1] = np.nan
    y, *_ = emu.of("norm.cu").apply(plan_norm.normalise(X.shape, sizes, EPS, centre=True), x=X, gamma=gamma, beta=beta)
    assert np.isnan(y).sum() == sizes[1] * sizes[3]


def test_the_plans_of_dcgan_fill_a_chip():
    X = 9, 64, 16, 16, 128
    at = dict.fromkeys(("x", "gamma", "beta", "y", "workspace", *plan_norm.SAVED), 0)
    launches = plan_norm.normalise(X, (1, 64 * 256, 128, 1), EPS, centre=True).launches(at)
    assert [launch.name for launch in launches] == ["norm_moments4", "norm_join", "normalise4"]
    assert np.prod(launches[0].grid) >= plan_norm.BLOCKS // 2
