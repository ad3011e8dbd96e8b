"""Pictures that a person looks at are enlarged, every pixel a square."""

import numpy as np
import pytest

from tinygan.errors import ShapeError
from tinygan.images.grid import FACTORS, enlarge


def test_a_pixel_becomes_a_square_of_its_colour(rng):
    picture = rng.integers(0, 256, (3, 4, 3), np.uint8)
    large = enlarge(picture, 5)
    assert large.shape == (15, 20, 3) and large.dtype == np.uint8
    np.testing.assert_array_equal(large[2::5, 3::5], picture)
    np.testing.assert_array_equal(large, np.kron(picture, np.ones((5, 5, 1), np.uint8)))


@pytest.mark.parametrize(
    ("shape", "factor"),
    [
        ((242, 242, 3), 3),  # 64 digits
        ((28, 28, 1), 19),
        ((512, 512, 3), 1),
        ((511, 900, 3), 2),
        ((32, 332, 3), 6),  # a strip: its longer side is 2048 pixels at most
        ((3000, 40, 3), 1),
        ((8, 8), 64),
    ],
)
def test_both_sides_reach_512_unless_one_would_exceed_2048(shape, factor):
    large = enlarge(np.zeros(shape, np.uint8))
    assert large.shape[:2] == (shape[0] * factor, shape[1] * factor)
    assert min(large.shape[:2]) >= 512 or max(large.shape[:2]) + max(shape[:2]) > 2048


@pytest.mark.parametrize("scale", [0, -1, FACTORS + 1])
def test_a_scale_that_makes_no_picture_is_refused(scale):
    with pytest.raises(ShapeError, match="whole factor from 1 to 64"):
        enlarge(np.zeros((2, 2, 3), np.uint8), scale)
