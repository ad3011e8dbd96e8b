"""Where the filters of DRAW's attention stand and what they see; derivatives are proved in test_layers.py."""

import numpy as np
import pytest

from tinygan import layers as L
from tinygan.core.compose import Sequential
from tinygan.core.layer import WithCondition, apply
from tinygan.errors import ShapeError

SHARP = np.log(1e-4)  # log σ²


def bank(filters, pixels, x, unit=1.0):
    """F (filters, pixels)."""
    F, _ = apply(L.Filterbank(filters, pixels, unit), (), np.array(x, np.float64)[None, None])
    return F[0, 0]


def seen(f, h, m):
    """f(h, c) of one sample with m(c) = c."""
    (Y, _), _ = apply(f, ((), (), ()), WithCondition(h[None, None], np.array(m, np.float64)[None, None]))
    return Y[0, 0]


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_sharp_filters_a_pixel_apart_are_the_identity(n):
    assert np.abs(bank(n, n, [0, SHARP, 0]) - np.eye(n)).max() <= 1e-3


@pytest.mark.parametrize("log_var", [-20.0, 0.0, 5.0])
@pytest.mark.parametrize("centre", [0.0, 0.7, -40.0, 1e6])
def test_rows_sum_to_one_wherever_the_filters_stand(centre, log_var):
    F = bank(4, 7, [centre, log_var, 0.3])
    assert F.min() >= 0
    assert np.abs(F.sum(axis=1) - 1).max() <= 1e-14


@pytest.mark.parametrize(
    ("filters", "centre", "stride", "places"),
    [
        (5, 0, 1, [2, 3, 4, 5, 6]),  # about pixel 4 of 1 to 7, two on each side
        (4, 0, 2, [1, 3, 5, 7]),
        (1, 0, 3, [4]),
        (3, 0.5, 1, [5, 6, 7]),
        (3, -0.5, 1, [1, 2, 3]),
    ],
)
def test_filters_stand_evenly_about_their_centre(filters, centre, stride, places):
    F = bank(filters, 7, [centre, 0.0, np.log(stride)])
    at = 4 * (centre + 1) + (np.arange(1, filters + 1) - filters / 2 - 0.5) * stride
    assert at.tolist() == places
    inside = np.exp(-0.5 * (np.arange(1, 8) - at[:, None]) ** 2)
    assert np.abs(F - inside / inside.sum(axis=1, keepdims=True)).max() <= 1e-14


@pytest.mark.parametrize(("n", "size"), [(2, (6, 6)), (3, (5, 9)), (4, (7, 7))])
def test_a_window_at_rest_spans_the_longer_side(n, size):
    B, A = size
    h = np.broadcast_to(np.arange(1.0, A + 1)[None, :, None], (B, A, 1))
    y = seen(L.Read(Sequential(), n, size), h, [0, 0, SHARP, 0, 0])
    assert y[0, :, 0] == pytest.approx(np.linspace(1, A, n), abs=1e-3)


def test_what_is_read_at_rest_is_the_image_and_what_is_written_too(rng):
    h = rng.normal(size=(5, 5, 2))
    for f in (L.Read(Sequential(), 5, (5, 5)), L.Write(Sequential(), 5, (5, 5))):
        assert np.abs(seen(f, h, [0, 0, SHARP, 0, 0]) - h).max() <= 1e-3


def test_columns_follow_x_and_rows_follow_y_and_gamma_scales(rng):
    h = rng.normal(size=(5, 7, 1))
    there = [1 / 4, -1 / 3, SHARP, -9, np.log(3)]  # column 5 of 1 to 7, row 2 of 1 to 5, all filters on one pixel
    y = seen(L.Read(Sequential(), 2, (5, 7)), h, there)
    assert y[..., 0] == pytest.approx(3 * h[1, 4, 0], abs=1e-3)
    written = seen(L.Write(Sequential(), 2, (5, 7)), np.ones((2, 2, 1)), there)[..., 0]
    assert written[1, 4] == pytest.approx(4 / 3, abs=1e-3)
    assert np.abs(written).sum() == pytest.approx(4 / 3, abs=1e-12)


def test_writing_is_the_adjoint_of_reading_but_for_gamma_squared(rng):
    size, m = (6, 4), rng.normal(size=5)
    h, w = rng.normal(size=(*size, 2)), rng.normal(size=(3, 3, 2))
    read, written = seen(L.Read(Sequential(), 3, size), h, m), seen(L.Write(Sequential(), 3, size), w, m)
    assert (read * w).sum() == pytest.approx(np.exp(2 * m[4]) * (h * written).sum(), rel=1e-12)


def test_wrong_shapes_and_sizes_are_named():
    read, write = L.Read(L.Linear(2, 5), 3, (6, 4)), L.Write(L.Linear(2, 5), 3, (6, 4))
    assert Sequential(read, write).out_shape(WithCondition((6, 4, 2), (2,))) == (6, 4, 2)
    with pytest.raises(ShapeError, match=r"Read: expects images of \(6, 4\) pixels: h \(N, 4, 6, 2\)"):
        read.out_shape(WithCondition((4, 6, 2), (2,)))
    with pytest.raises(ShapeError, match=r"Write: expects images of \(3, 3\) pixels: h \(N, 6, 4, 2\)"):
        write.out_shape(WithCondition((6, 4, 2), (2,)))
    with pytest.raises(ShapeError, match=r"Read: m\(c\) must have 5 numbers: got \(4,\)"):
        L.Read(L.Linear(2, 4), 3, (6, 4)).out_shape(WithCondition((6, 4, 2), (2,)))
    with pytest.raises(ValueError, match="at least one filter"):
        L.Filterbank(0, 4)
