"""Quarter turns are those of NumPy, and their adjoints are exact."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.images.rotation import rotate, rotations, rotations_adjoint


def whole(rng, *shape):
    """Whole numbers as float64: their sums of products have no rounding."""
    return rng.integers(-1000, 1001, shape).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("k", range(-5, 6))
def test_k_turns_are_those_of_numpy(rng, k, dtype):
    x = rng.integers(0, 256, (3, 5, 5, 2)).astype(dtype)
    x.flags.writeable = False
    y = rotate(x, k)
    assert np.array_equal(y, np.rot90(x, k, axes=(1, 2)))
    assert y.dtype == dtype and y.flags.c_contiguous


def test_one_turn_is_the_formula(rng):
    x = whole(rng, 2, 4, 4, 3)
    y = rotate(x, 1)
    assert all(np.array_equal(y[:, i, j], x[:, j, 3 - i]) for i in range(4) for j in range(4))


def test_four_turns_are_the_identity(rng):
    x = again = whole(rng, 2, 5, 5, 3)
    for _ in range(4):
        again = rotate(again, 1)
    assert np.array_equal(again, x)


@pytest.mark.parametrize("side", [1, 4, 5])
@pytest.mark.parametrize("k", range(4))
def test_the_adjoint_is_exact(rng, k, side):
    x, y = whole(rng, 2, side, side, 3), whole(rng, 2, side, side, 3)
    assert (rotate(x, k) * y).sum() == (x * rotate(y, -k)).sum()
    assert np.array_equal(rotate(rotate(x, k), -k), x)


def test_the_four_are_in_blocks_with_their_labels(rng):
    x = whole(rng, 3, 5, 5, 2).astype(np.float32)
    images, label = rotations(x)
    assert images.shape == (12, 5, 5, 2) and images.dtype == np.float32 and images.flags.c_contiguous
    assert label.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    for k, image in enumerate(np.split(images, 4)):
        assert np.array_equal(image, np.rot90(x, k, axes=(1, 2)))


def test_the_adjoint_of_the_four_is_exact(rng):
    x, y = whole(rng, 3, 4, 4, 2), whole(rng, 12, 4, 4, 2)
    before = y.copy()
    pulled = rotations_adjoint(y)
    assert (rotations(x)[0] * y).sum() == (x * pulled).sum()
    assert pulled.shape == x.shape and pulled.flags.c_contiguous and np.array_equal(y, before)
    assert np.array_equal(rotations_adjoint(rotations(x)[0]), 4 * x)


def test_no_images_stay_none():
    none = np.zeros((0, 4, 4, 1), np.float32)
    assert rotations(none)[0].shape == rotations_adjoint(none).shape == none.shape


@pytest.mark.parametrize(
    ("call", "shape", "message"),
    [
        (lambda x: rotate(x, 1), (2, 4, 5, 1), r"square images \(N, S, S, C\): got \(2, 4, 5, 1\)"),
        (lambda x: rotate(x, 0), (4, 4, 1), "square images"),
        (rotations, (2, 4, 5, 1), "square images"),
        (rotations_adjoint, (8, 4, 5, 1), "square images"),
        (rotations_adjoint, (6, 4, 4, 1), "four blocks"),
    ],
)
def test_what_cannot_be_turned_is_said(call, shape, message):
    with pytest.raises(UsageError, match=message):
        call(np.zeros(shape))
