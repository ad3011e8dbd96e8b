"""What a reader may hand over besides good arrays: shapes that do not fit, lists, infinities, empty images, other settings."""

import os

import numpy as np
import pytest

from tinygan import kernels
from tinygan.errors import UsageError
from tinygan.kernels import reference

from .tools import python

jit = pytest.importorskip("tinygan.kernels.jit.operations", exc_type=ImportError)

BOTH = pytest.mark.parametrize("backend", [jit, reference], ids=["jit", "reference"])
ONE = {"stride": (1, 1), "pad": ((1, 1), (1, 1))}
ADAM = {"lr": 1e-2, "b1": 0.5, "b2": 0.9, "eps": 1e-8, "t": 1}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


MISFITS = {
    "adam": lambda f: f.adam(normal(1000), normal(10), normal(1000), normal(1000), **ADAM),
    "adam of one": lambda f: f.adam(normal(1000), normal(1), normal(1000), normal(1000), **ADAM),
    "combine": lambda f: f.combine(0.9, normal(1000), 0.1, normal(10)),
    "combine rows": lambda f: f.combine(1, normal(2, 3), 1, normal(3)),
    "dot": lambda f: f.dot(normal(5), normal(3)),
    "linear": lambda f: f.linear(normal(3, 4), normal(5, 6)),
    "linear_dx": lambda f: f.linear_dx(normal(3, 4), normal(5, 6)),
    "linear_dw": lambda f: f.linear_dw(normal(3, 4), normal(2, 5)),
    "conv2d": lambda f: f.conv2d(normal(1, 6, 6, 2), normal(3, 3, 3, 8), **ONE),
    "conv2d_dx": lambda f: f.conv2d_dx(normal(1, 6, 6, 2), normal(3, 3, 3, 8), size=(6, 6), **ONE),
    "conv2d_dw": lambda f: f.conv2d_dw(normal(2, 6, 6, 4), normal(3, 6, 6, 4), kernel=(3, 3), **ONE),
    "conv2d_dw of another size": lambda f: f.conv2d_dw(normal(2, 4, 9, 4), normal(2, 6, 6, 4), kernel=(3, 3), **ONE),
    "pointwise_dx": lambda f: f.pointwise_dx(normal(1, 4), normal(3, 4), "tanh", 0.0),
    "pointwise_dx of relu": lambda f: f.pointwise_dx(normal(1, 4), normal(3, 4), "relu", 0.0),
    "normalise": lambda f: f.normalise(normal(1, 4, 6), None, None, (4, 1, 1, 9), 1e-5, centre=True),
    "no room for the kernel": lambda f: f.conv2d(normal(1, 2, 6, 8), normal(4, 1, 8, 2), stride=(1, 1), pad=ZERO),
}
ZERO = ((0, 0), (0, 0))


@BOTH
@pytest.mark.parametrize("name", MISFITS)
def test_shapes_that_do_not_fit_are_a_value_error(name, backend):
    with pytest.raises(ValueError) as error:
        MISFITS[name](backend)
    assert "\n" not in str(error.value)


@BOTH
def test_the_error_names_both_shapes(backend):
    with pytest.raises(ValueError, match=r"shapes do not fit: \(2, 3\), \(3,\)"):
        MISFITS["combine rows"](backend)


@pytest.mark.parametrize("points", [-1, -9, 2, 3, 4, 1000, None])
@pytest.mark.parametrize("C", [2, 32])
def test_points_are_a_slices_end(points, C):
    x, w, b = normal(3, 6, 6, C), normal(3, 3, C, C), normal(C)
    for call in (
        lambda f: f.conv2d(x, w, **ONE, bias=b, points=points),
        lambda f: f.conv2d_dx(x, w, size=(6, 6), **ONE, bias=b, points=points),
        lambda f: f.linear(x[:, 0, 0], w[0, 0], bias=b, points=points),
    ):
        assert np.abs(call(jit) - call(reference)).max() <= 1e-3


@BOTH
@pytest.mark.parametrize(("C", "O"), [(2, 3), (16, 2), (32, 32)])
def test_a_convolution_without_an_output_pixel_is_empty(backend, C, O):
    assert backend.conv2d(normal(2, 2, 5, C), normal(3, 3, C, O), stride=(1, 1), pad=ZERO).shape == (2, 0, 3, O)
    gw = backend.conv2d_dw(normal(2, 2, 5, C), normal(2, 0, 3, O), kernel=(3, 3), stride=(1, 1), pad=ZERO)
    assert gw.shape == (3, 3, C, O) and not gw.any()


@BOTH
def test_more_may_be_cut_off_than_there_is(backend):
    y = backend.conv2d(normal(1, 8, 6, 3), normal(1, 1, 3, 4), stride=(1, 1), pad=((10, -12), (0, 0)))
    assert y.shape == (1, 6, 6, 4) and not y.any()


def test_no_column_of_the_image_is_in_the_frame():
    """Winograd's form too, whose frame is not the convolution's."""
    x, w = normal(3, 16, 1, 96), normal(4, 4, 96, 32)
    how = {"stride": (2, 2), "pad": ((3, 7), (7, -1))}
    gy, v = normal(2, 6, 8, 32), normal(4, 4, 32, 32)
    away = {"size": (12, 2), "stride": (2, 2), "pad": ((1, 1), (-14, 30))}
    for form in ("fast", "direct"):
        with kernels.precision(form):
            assert np.abs(jit.conv2d(x, w, **how) - reference.conv2d(x, w, **how)).max() <= 1e-2
            assert np.abs(jit.conv2d_dx(gy, v, **away) - reference.conv2d_dx(gy, v, **away)).max() <= 1e-2


@BOTH
def test_lists_and_arrays_say_where_too(backend):
    x, w = normal(2, 6, 6, 4), normal(3, 3, 4, 4)
    for kind in (list, np.array):
        how = {"stride": kind([1, 1]), "pad": kind([[1, 1], [1, 1]])}
        assert np.array_equal(backend.conv2d(x, w, **how), backend.conv2d(x, w, **ONE))
        there, here = backend.conv2d_dx(x, w, size=(6, 6), **ONE), backend.conv2d_dx(x, w, size=kind([6, 6]), **how)
        assert np.array_equal(here, there)
        gw = backend.conv2d_dw(x, x, kernel=kind([3, 3]), **how)
        assert np.array_equal(gw, backend.conv2d_dw(x, x, kernel=(3, 3), **ONE))


@BOTH
def test_an_infinite_point_leaves_its_tangents_as_they_are(backend):
    X = normal(3, 40, 5)
    X[0, 7, 2] = np.inf
    Y = backend.scale_shift(X, 2 * np.ones(5, "f"), np.ones(5, "f"))
    assert np.array_equal(Y[1:], 2 * X[1:]) and Y[0, 7, 2] == np.inf and np.isfinite(Y).sum() == Y.size - 1


def test_a_sum_that_overflows_is_no_mean_where_nothing_is_centred():
    sizes, huge = (2, 1, 1, 1024), np.full((1, 2, 1024), 1e36, "f")
    Y, _ = jit.normalise(huge, None, None, sizes, 1e-5, centre=False)
    assert not Y.any()
    X = np.tile(np.array([1, -1], "f"), (1, 2, 512))
    _, saved = jit.normalise(X, None, None, sizes, 1e-5, centre=False)
    GX, _ = jit.normalise_vjp(saved, None, huge, sizes, centre=False, wrt_p=False)
    assert np.abs(GX / 1e36 - 1).max() <= 1e-4


@pytest.mark.parametrize("sizes", [(2, 1, 1, 4096), (2, 4096, 1, 1)], ids=["rows", "columns"])
@pytest.mark.parametrize("at", [0, 2048, -1])
def test_an_outlier_costs_no_digits_wherever_it_is(sizes, at):
    X = normal(2, 2, 4096)
    X[..., at] = 1e4
    X = X.reshape(2, *sizes[:2], -1)
    wide = reference.normalise(X.astype(float), None, None, sizes, 1e-5, centre=True)[1][1]
    for found, true in zip(jit.normalise(X, None, None, sizes, 1e-5, centre=True)[1][1], wide, strict=True):
        assert np.abs(found / true - 1).max() <= 1e-5


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_another_thread_compiles():
    python(
        """
import os, signal, threading, time
import numpy as np
from tinygan.kernels.jit import operations as jit; from tinygan.kernels.jit import compile as build
x = np.ones((2, 9), 'f')
began, load = threading.Event(), build._load
def slow(name, make):
    with build.global_compiler_lock:
        began.set()
        time.sleep(1)
    return load(name, make)
build._load = slow
thread = threading.Thread(target=lambda: jit.pointwise(x, 'tanh', 0.0))
thread.start()
began.wait()
pid = os.fork()
if not pid:
    signal.alarm(30)
    build._load = load
    assert (jit.pointwise(x, 'relu', 0.0)[0] == 1).all()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
thread.join()
assert (jit.pointwise(x, 'relu', 0.0)[0] == 1).all()
""",
        warn="ignore",
    )


def test_numba_that_may_not_compile_is_none(monkeypatch):
    code = (
        "import numpy as np; from tinygan import kernels; print(kernels.cpu_backend(), kernels.dot(*np.ones((2, 3))))"
    )
    assert python(code, NUMBA_DISABLE_JIT=1, TINYGAN_CPU=None)[1] == "reference 3.0"
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    kernels.available.cache_clear()
    with pytest.raises(UsageError, match="NUMBA_DISABLE_JIT"):
        kernels.choose("jit")
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
    kernels.available.cache_clear()
    assert kernels.choose("jit") == "jit"
