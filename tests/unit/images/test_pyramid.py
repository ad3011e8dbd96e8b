"""Pyramids: an image comes back from its bands, constants stay, adjoints are exact, sizes that do not fit are named."""

import numpy as np
import pytest

from tinygan.errors import ShapeError
from tinygan.images.pyramid import build, build_adjoint, collapse, collapse_adjoint
from tinygan.layers import PyramidDown, PyramidUp

SIZES = [(28, 28, 2), (13, 7, 1), (32, 9, 3), (5, 6, 0), (3, 3, 1)]


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def dot(a, b):
    return sum(float((u * v).sum()) for u, v in zip(a, b, strict=True))


def length(a):
    return np.sqrt(dot(a, a))


@pytest.mark.parametrize(("H", "W", "levels"), SIZES)
def test_an_image_comes_back_from_its_bands(H, W, levels):
    x = draw(2, H, W, 3).astype(np.float32)
    bands = build(x, levels)
    assert len(bands) == levels + 1
    assert {b.dtype for b in bands} == {np.dtype(np.float32)}
    assert np.abs(collapse(bands) - x).max() < 1e-6


def test_a_side_is_halved_upwards():
    assert [b.shape for b in build(draw(2, 28, 13, 1), 3)] == [
        (2, 28, 13, 1),
        (2, 14, 7, 1),
        (2, 7, 4, 1),
        (2, 4, 2, 1),
    ]


@pytest.mark.parametrize(("H", "W", "levels"), SIZES)
def test_adjoints_are_exact(H, W, levels):
    x, y = draw(2, H, W, 3), draw(2, H, W, 3, seed=1)
    bands = build(x, levels)
    others = [draw(*b.shape, seed=2) for b in bands]
    error = dot(bands, others) - dot([x], [build_adjoint(others)])
    assert abs(error) < 1e-12 * length(bands) * length(others)
    image = collapse(others)
    error = dot([image], [y]) - dot(others, collapse_adjoint(y, levels))
    assert abs(error) < 1e-12 * length([image]) * length([y])


@pytest.mark.parametrize("size", [(6, 8), (5, 8), (6, 7), (5, 7)])
def test_a_constant_stays_at_every_border(size):
    one = np.ones((1, 1, *size, 1))
    down, _ = PyramidDown().forward((), one)
    assert down.shape == (1, 1, 3, 4, 1)
    np.testing.assert_allclose(down, 1, rtol=1e-14)
    np.testing.assert_allclose(PyramidUp(size).forward((), down)[0], 1, rtol=1e-14)


def test_what_lies_between_two_pixels_is_their_mean():
    x = np.array([8.0, 16, 40])[None, None, None, :, None].repeat(2, axis=2)
    assert PyramidUp().forward((), x)[0][0, 0, 1, :, 0].tolist() == [10, 12, 18, 28, 37, 40]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: build(draw(1, 4, 4, 1), 2), r"at least 3: x \(N, 2, 2, 1\)"),
        (lambda: collapse_adjoint(draw(1, 4, 4, 1), 2), r"at least 3: x \(N, 2, 2, 1\)"),
        (lambda: collapse([draw(2, 7, 7, 1), draw(2, 3, 3, 1)]), r"below \(2, 7, 7, 1\).*got \(2, 3, 3, 1\)"),
        (lambda: collapse([draw(2, 7, 7, 3), draw(2, 4, 4, 1)]), "half its size"),
        (lambda: build_adjoint([draw(2, 7, 7, 1), draw(1, 4, 4, 1)]), "half its size"),
    ],
)
def test_sizes_that_do_not_fit_are_named_in_one_line(call, words):
    with pytest.raises(ShapeError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_pixels_are_floats():
    with pytest.raises(TypeError, match="array of floats: got uint8"):
        build(np.zeros((1, 4, 4, 1), np.uint8), 1)
