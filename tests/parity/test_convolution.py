"""The convolution triple and the linear maps of ``jit`` against ``reference`` in float64."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinygan import kernels
from tinygan.kernels import reference

from .tools import BOUNDS, DRAWS, EACH_WIDTH, FORMS, agree, vectors

pool = pytest.importorskip("tinygan.kernels.jit.pool", exc_type=ImportError)

CHANNELS = st.sampled_from((1, 2, 3, 4, 5, 8, 16, 17, 31, 32, 33, 48, 64))
DTYPES = ("float32", "float64")
KINDS = st.sampled_from([((3, 3), (1, 1)), ((4, 4), (2, 2)), ((2, 2), (1, 1))])  # those that have other forms
LAYERS = {  # those of the systems: x (N, H, W, C), kernel and O, stride, pad
    "3x3": ((3, 8, 8, 32), (3, 3, 48), (1, 1), ((1, 1), (1, 1))),
    "3x3 odd": ((2, 7, 9, 33), (3, 3, 17), (1, 1), ((1, 1), (1, 1))),
    "4x4 stride 2": ((3, 16, 16, 16), (4, 4, 32), (2, 2), ((1, 1), (1, 1))),
    "4x4 stride 2 odd": ((3, 11, 9, 31), (4, 4, 33), (2, 2), ((1, 1), (1, 1))),
    "2x2 phases": ((2, 6, 6, 64), (2, 2, 32), (1, 1), ((1, 0), (0, 1))),
    "4x4 stride 2 of six": ((2, 12, 12, 32), (4, 4, 32), (2, 2), ((1, 1), (1, 1))),
    "3x3 of six": ((2, 6, 6, 32), (3, 3, 32), (1, 1), ((1, 1), (1, 1))),
    "nine tiles of many panels": ((1, 17, 20, 64), (4, 4, 32), (2, 2), ((1, 1), (2, 1))),
    "project": ((5, 4, 4, 64), (4, 4, 1), (1, 1), ((0, 0), (0, 0))),
    "to pixels": ((2, 20, 20, 48), (3, 3, 3), (1, 1), ((1, 1), (1, 1))),
    "from pixels": ((2, 20, 20, 3), (4, 4, 64), (2, 2), ((1, 1), (1, 1))),
    "1x1": ((4, 5, 7, 17), (1, 1, 31), (1, 1), ((0, 0), (0, 0))),
    "gaps between windows": ((3, 20, 17, 5), (1, 2, 4), (3, 3), ((0, 2), (1, 0))),
    "cut off": ((2, 12, 12, 4), (3, 3, 8), (1, 2), ((-2, -3), (-1, 2))),
    "padding only": ((1, 1, 1, 2), (1, 1, 3), (2, 2), ((3, 3), (3, 3))),
    "many small images": ((40, 4, 4, 16), (3, 3, 16), (1, 1), ((1, 1), (1, 1))),
    "many ranges": ((9, 16, 17, 8), (3, 3, 8), (1, 1), ((1, 1), (1, 0))),
    "no images": ((0, 6, 6, 4), (3, 3, 5), (1, 1), ((1, 1), (1, 1))),
}


def made(x_shape, w, stride, pad, dtype="float64", seed=0, points=None):
    """x, w, b, ȳ, c of a convolution and how it is called; b (O,) and c (C,) are biases of y and of x̄."""
    rng = np.random.default_rng(seed)
    (N, H, W, C), (kh, kw, O) = x_shape, w
    size = [(n + sum(p) - k) // s + 1 for n, p, k, s in zip((H, W), pad, (kh, kw), stride, strict=True)]
    x, w, b, gy, c = (
        rng.normal(size=shape).astype(dtype) for shape in (x_shape, (kh, kw, C, O), (O,), (N, *size, O), (C,))
    )
    return x, w, b, gy, c, {"stride": stride, "pad": pad}, points


@st.composite
def convolutions(draw, dtypes=DTYPES, kinds=None, channels=CHANNELS):
    """What ``made`` takes, for at least one output."""
    kernel, stride = draw(kinds) if kinds is not None else ([draw(st.integers(1, n)) for _ in "hw"] for n in (5, 3))
    sides = st.integers(-3 if draw(st.booleans()) else 0, 3)
    pad = tuple((draw(sides), draw(sides)) for _ in "hw")
    least = [max(1, k - sum(p), -min(p)) for k, p in zip(kernel, pad, strict=True)]
    H, W = (draw(st.integers(n, max(n, 20))) for n in least)
    N = draw(st.integers(0, 9))
    points = draw(st.none() | st.integers(0, N))
    shape, w = (N, H, W, draw(channels)), (*kernel, draw(channels))
    return shape, w, tuple(stride), pad, draw(st.sampled_from(dtypes)), draw(st.integers(0, 999)), points


FORMED = convolutions(
    ("float32",), KINDS, st.sampled_from((32, 48, 64))
)  # most of them in another form where "fast" is


def examples(share=1.0):
    return settings(max_examples=max(int(DRAWS * share), 5), deadline=None, derandomize=True, database=None)


def named(test):
    """The named layers, float32 and float64, besides what is drawn."""
    for number, (shape, w, stride, pad) in enumerate(LAYERS.values()):
        points = (None, 0, 1, shape[0])[number % 4]
        for dtype in DTYPES:
            test = example(case=(shape, w, stride, pad, dtype, number, points))(test)
    return test


def triple(case, f=kernels):
    """y, x̄ and w̄ of a case."""
    x, w, b, gy, c, how, points = case
    return {
        "y": f.conv2d(x, w, **how, bias=b, points=points),
        "dx": f.conv2d_dx(gy, w, size=x.shape[1:3], **how, bias=c, points=points),
        "dw": f.conv2d_dw(x, gy, kernel=w.shape[:2], **how),
    }


def in_float64(case, square=False):
    """The same case in float64; with ``square`` each number squared, without biases."""
    *arrays, how, points = case
    x, w, b, gy, c = (np.square(a, dtype=float) if square else a.astype(float) for a in arrays)
    return (x, w, 0 * b, gy, 0 * c, how, points) if square else (x, w, b, gy, c, how, points)


def check(case, width, form):
    expected, typical = triple(in_float64(case), reference), triple(in_float64(case, square=True), reference)
    with kernels.on_cpu("jit"), kernels.precision(form), vectors(width):
        found = triple(case)
    for name, y in found.items():
        assert y.dtype == case[0].dtype
        agree(y, expected[name], typical[name], BOUNDS[y.dtype.name, form, name])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", EACH_WIDTH)
@named
@examples()
@given(case=convolutions())
def test_the_triple_is_the_references(case, width, form):
    check(made(*case), width, form)


@pytest.mark.parametrize("width", EACH_WIDTH)
@examples(0.5)
@given(case=FORMED)
def test_the_other_forms_are_the_references(case, width):
    check(made(*case), width, "fast")


@pytest.mark.parametrize("width", EACH_WIDTH)
def test_the_layers_have_the_other_forms(width, monkeypatch):
    """The layers above have every form of every operation: else the tests have nothing to say of it."""
    winograd_forms = pytest.importorskip("tinygan.kernels.jit.winograd_forms")
    seen, form = set(), winograd_forms.form

    def noted(v, what, *shape):
        seen.add((what, form(v, what, *shape)))
        return form(v, what, *shape)

    monkeypatch.setattr(winograd_forms, "form", noted)
    for layer in LAYERS.values():
        with kernels.on_cpu("jit"), kernels.precision("fast"), vectors(width):
            triple(made(*layer, dtype="float32"))
    assert seen >= {(what, form) for what in ("y", "dx", "dw") for form in (None, (2, 2), (2, 3), (4, 2), (4, 3))}


@pytest.mark.parametrize("width", EACH_WIDTH)
@examples(0.5)
@given(data=st.data(), rows=st.integers(0, 40), dtype=st.sampled_from(DTYPES))
def test_linear_maps_are_the_references(data, rows, dtype, width):
    I, O = data.draw(CHANNELS | st.just(131)), data.draw(CHANNELS | st.just(131))
    points = data.draw(st.none() | st.integers(0, rows))
    rng = np.random.default_rng(rows)
    x, w, b, gy = (rng.normal(size=shape).astype(dtype) for shape in ((rows, I), (O, I), (O,), (rows, O)))

    def maps(x, w, b, gy):
        y = kernels.linear(x, w, bias=b, points=points)
        return {"y": y, "dx": kernels.linear_dx(gy, w), "dw": kernels.linear_dw(x, gy)}

    with kernels.on_cpu("reference"):
        expected = maps(*(a.astype(float) for a in (x, w, b, gy)))
        typical = maps(*(np.square(a, dtype=float) for a in (x, w, 0 * b, gy)))
    with kernels.on_cpu("jit"), kernels.precision("direct"), vectors(width):
        found = maps(x, w, b, gy)
    for name, y in found.items():
        assert y.dtype == dtype
        agree(y, expected[name], typical[name], BOUNDS[dtype, "direct", name])


@pytest.mark.parametrize(("M", "I", "O", "most"), [(5, 4, 5, 100), (5, 4, 5, 99), (5, 20, 1, 100), (5, 6, 1, 20)])
def test_a_product_that_is_small_is_blass(M, I, O, most, monkeypatch):
    """Of matrices up to ``most`` multiplications; where one is a vector up to 30."""
    jit = pytest.importorskip("tinygan.kernels.jit.operations", exc_type=ImportError)
    monkeypatch.setattr(jit, "SMALL", most)
    monkeypatch.setattr(jit, "SMALL_VECTOR", 30)
    small, seen = (most if O > 1 else 30) >= M * I * O, []
    for name in ("linear", "linear_dx", "linear_dw"):
        monkeypatch.setattr(jit.reference, name, lambda *a, name=name, **more: seen.append(name) or a[0])
    x, w, gy = np.ones((M, I), "f"), np.ones((O, I), "f"), np.ones((M, O), "f")
    jit.linear(x, w)
    jit.linear_dx(gy, w)
    jit.linear_dw(x, gy)
    assert seen == (["linear", "linear_dx", "linear_dw"] if small else [])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", EACH_WIDTH)
@examples(0.5)
@given(case=convolutions(dtypes=["float64"]))
def test_the_three_contractions_are_adjoints_of_one_another(case, form, width):
    x, w, _, gy, _, how, _ = made(*case)
    with kernels.on_cpu("jit"), kernels.precision(form), vectors(width):
        y = kernels.conv2d(x, w, **how)
        gx = kernels.conv2d_dx(gy, w, size=x.shape[1:3], **how)
        gw = kernels.conv2d_dw(x, gy, kernel=w.shape[:2], **how)
    a, b, c = (gy * y).sum(), (gx * x).sum(), (gw * w).sum()
    assert np.isfinite([a, b, c]).all()
    bound = BOUNDS["float64", form, "y"] * (1 + np.abs(gy * y).sum())
    assert max(abs(a - b), abs(a - c)) <= bound


@pytest.mark.parametrize("form", FORMS)
@named
@examples(0.25)
@given(case=convolutions() | FORMED)
def test_bits_do_not_depend_on_the_number_of_threads(case, form):
    with kernels.on_cpu("jit"), kernels.precision(form):
        by_threads = []
        for n in (1, 2, 3):
            with pool.threads(n):
                by_threads.append(triple(made(*case)))
    for name in ("y", "dx", "dw"):
        one, two, three = (found[name].tobytes() for found in by_threads)
        assert one == two == three, name


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_the_bits_of_a_sample_do_not_depend_on_the_others(name, dtype, form):
    (_, *image), w, stride, pad = LAYERS[name]
    x, w, b, gy, c, how, _ = made((7, *image), w, stride, pad, dtype)
    with kernels.on_cpu("jit"), kernels.precision(form):
        every = triple((x, w, b, gy, c, how, None))
        for i in (0, 3, 6):
            alone = triple((x[i : i + 1], w, b, gy[i : i + 1], c, how, None))
            assert np.array_equal(alone["y"][0], every["y"][i])
            assert np.array_equal(alone["dx"][0], every["dx"][i])


def strided(a):
    """The same numbers, not contiguous and not to be written."""
    wide = np.zeros([2 * n for n in a.shape], a.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def reversed_axes(a):
    return np.asfortranarray(a)[::-1][::-1]


def turned(a):
    return a[::-1].copy()[::-1]


@pytest.mark.parametrize("layout", [strided, reversed_axes, turned])
@pytest.mark.parametrize("name", ["3x3 odd", "4x4 stride 2", "from pixels", "1x1"])
def test_inputs_may_lie_anyhow_and_are_never_written(name, layout):
    plain = made(*LAYERS[name], dtype="float32", points=1)
    *arrays, how, points = plain
    views = [layout(a) for a in arrays]
    for a in (*arrays, *views):
        a.flags.writeable = False
    before = [a.tobytes() for a in arrays]
    with kernels.on_cpu("jit"):
        expected, found = triple(plain), triple((*views, how, points))
    for name, y in found.items():
        assert y.flags.writeable and y.flags.c_contiguous and np.array_equal(y, expected[name])
    assert before == [a.tobytes() for a in arrays] == [a.tobytes() for a in views]


@pytest.mark.parametrize(
    ("first", "second"),
    [("float32", "float64"), ("float64", "float32"), ("float16", "float16"), ("int64", "float32"), ("int32", "int32")],
)
def test_other_dtypes_come_out_as_the_references(first, second):
    x, w, b, gy, c, how, points = made(*LAYERS["4x4 stride 2 odd"])
    mixed = (
        *((8 * a).astype(t) for a, t in zip((x, w, b, gy, c), (first, second, first, first, second), strict=True)),
    )
    if "int" in first and second == "int32":
        mixed = tuple(a.astype("int32") for a in mixed)
    expected, typical = (triple(in_float64((*mixed, how, points), square), reference) for square in (False, True))
    own = triple((*mixed, how, points), reference)
    with kernels.on_cpu("jit"):
        found = triple((*mixed, how, points))
    for name, y in found.items():
        assert y.dtype == own[name].dtype
        if y.dtype == "float16":
            assert np.array_equal(y, own[name])
        else:
            agree(y, expected[name], typical[name], BOUNDS.get((y.dtype.name, "fast", name), 0.0))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["3x3 odd", "4x4 stride 2 odd", "from pixels", "gaps between windows"])
def test_what_is_not_finite_reaches_the_same_outputs(name, value):
    x, w, b, gy, c, how, points = made(*LAYERS[name])
    x[0, 3, 2, 1] = gy[0, 2, 3, 0] = value
    with np.errstate(invalid="ignore"):
        expected = triple((x, w, b, gy, c, how, points), reference)
    with kernels.on_cpu("jit"), kernels.precision("direct"):
        found = triple((x, w, b, gy, c, how, points))
    for name, y in found.items():
        assert np.array_equal(np.isfinite(y), np.isfinite(expected[name])), name
