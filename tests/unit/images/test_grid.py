"""The layout and rounding of torchvision's make_grid and save_image."""

import numpy as np
import pytest

from tinygan.errors import ShapeError
from tinygan.images.grid import dots, make_grid, picture_of, to_uint8


def numbered(n: int, height: int = 1, width: int = 2, channels: int = 3) -> np.ndarray:
    """Image k is all k + 1."""
    return np.broadcast_to(np.arange(1, n + 1, dtype=np.uint8)[:, None, None, None], (n, height, width, channels))


def test_three_images_two_to_a_row_by_hand():
    expected = np.array(
        [
            [0, 0, 0, 0, 0, 0, 0],
            [0, 1, 1, 0, 2, 2, 0],
            [0, 0, 0, 0, 0, 0, 0],
            [0, 3, 3, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0],
        ]
    )
    grid = make_grid(numbered(3), nrow=2, padding=1)
    assert grid.dtype == np.uint8
    np.testing.assert_array_equal(grid, np.repeat(expected[..., None], 3, axis=2))


def test_without_padding_by_hand():
    np.testing.assert_array_equal(make_grid(numbered(2), padding=0)[..., 0], [[1, 1, 2, 2]])


def test_the_frame_is_as_bright_as_asked():
    assert make_grid(numbered(2), pad_value=1)[0, 0].tolist() == [255, 255, 255]
    assert make_grid(numbered(2), pad_value=0.5)[0, 0].tolist() == [128, 128, 128]


@pytest.mark.parametrize(
    ("n", "nrow", "shape"),
    [(64, 8, (242, 242, 3)), (5, 8, (32, 152, 3)), (9, 8, (62, 242, 3)), (2, 1, (62, 32, 3)), (1, 8, (28, 28, 3))],
)
def test_the_size_is_torchvisions(n, nrow, shape):
    assert make_grid(np.zeros((n, 28, 28, 1), np.float32), nrow=nrow).shape == shape


def test_one_image_comes_back_bare():
    image = numbered(1, 4, 5)
    np.testing.assert_array_equal(make_grid(image), image[0])


def test_grey_becomes_three_equal_channels():
    grid = make_grid(numbered(4, channels=1))
    assert grid.shape[2] == 3
    assert (grid == grid[..., :1]).all()


def test_rounding_by_hand():
    # 255 (x + 1)/2 + 1/2: 0.5, 255.5, 128.0, 128.6375, 64.25; outside is held
    x = np.array([-1, 1, 0, 0.005, -0.5, -7, 7], np.float32)
    assert to_uint8(x).tolist() == [0, 255, 128, 128, 64, 0, 255]


def test_every_byte_survives_the_way_to_float_and_back():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8((levels / 127.5 - 1).astype(np.float32)), levels)


def test_the_input_is_not_written():
    images = np.zeros((3, 2, 2, 1), np.float32)
    images.flags.writeable = False
    make_grid(images)


@pytest.mark.parametrize("shape", [(28, 28, 1), (0, 28, 28, 1)])
def test_a_wrong_shape_is_named(shape):
    with pytest.raises(ShapeError, match=r"\(N, H, W, C\) with N at least 1: images \(" + str(shape[0])):
        make_grid(np.zeros(shape))


def test_points_are_dots_where_they_lie():
    canvas = dots(np.array([[0.0, 0.0], [0.5, 1.0]]), side=41, reach=2.0)
    lit = {tuple(at) for at in np.argwhere(canvas[..., 0])}
    middles = {(20, 20), (10, 25)}  # y points up
    assert lit == {(r + i, c + j) for r, c in middles for i in (-1, 0, 1) for j in (-1, 0, 1)}
    assert picture_of(np.array([[3.0, -4.0]])).any(), "without a reach all are seen"
    assert not dots(np.array([[9.0, 0.0]]), reach=1.0).any(), "beyond it none"


def test_dots_of_what_is_not_a_point_are_refused():
    with pytest.raises(ShapeError, match=r"\(N, 2\)"):
        dots(np.zeros((3, 3)))


def test_strings_and_pairs_are_pictures_too():
    x = np.zeros((2, 3, 4), np.float32)
    x[:, [0, 1, 2], [0, 3, 1]] = 1
    seen = picture_of(x, nrow=2)[..., 0]
    assert seen.shape == (4 + 4, 2 * 5 + 2)
    assert np.array_equal(seen[2:6, 2:5] == 255, x[0].T == 1)
    pair = np.concatenate([np.full((1, 5, 5, 3), -1.0), np.full((1, 5, 5, 3), 1.0)], axis=3)
    assert np.array_equal(picture_of(pair)[0, :, 0], [0] * 5 + [255] * 5)
