"""Augmentations are exact: what they do can be undone, pixel for pixel."""

import numpy as np
import pytest

from tinygan.data.augment import crop, cut, flip, mirrored, moved, padded, rot90, shift, turned
from tinygan.errors import UsageError

N = 40


@pytest.fixture
def images(rng):
    return rng.uniform(-1, 1, (N, 5, 5, 3)).astype(np.float32)


def test_flipping_twice_is_the_identity_and_other_images_are_unchanged(images):
    which = np.arange(N) % 3 == 0
    once = mirrored(images, which)
    assert np.array_equal(once[which], images[which][:, :, ::-1])
    assert np.array_equal(once[~which], images[~which])
    assert np.array_equal(mirrored(once, which), images)


def test_four_quarter_turns_are_the_identity_and_one_is_anticlockwise(images):
    one = np.ones(N, int)
    again = images
    for _ in range(4):
        again = turned(again, one)
    assert np.array_equal(again, images)
    assert np.array_equal(turned(images, np.arange(N)), turned(images, np.arange(N) % 4 - 4))
    assert turned(np.array([[1, 2], [3, 4]]).reshape(1, 2, 2, 1), [1]).reshape(4).tolist() == [2, 4, 1, 3]


def test_a_part_at_zero_of_the_whole_size_is_the_original(images):
    zero = np.zeros(N, int)
    assert np.array_equal(cut(images, zero, zero, (5, 5)), images)
    top, left = np.arange(N) % 3, np.arange(N) % 4
    parts = cut(images, top, left, (3, 2))
    for k in range(N):
        assert np.array_equal(parts[k], images[k, top[k] : top[k] + 3, left[k] : left[k] + 2])


def test_a_shift_and_its_reverse_keep_the_pixels_that_stayed_inside(images):
    down, right = np.arange(N) % 7 - 3, np.arange(N) % 5 - 2
    there = moved(images, down, right)
    back = moved(there, -down, -right)
    for k in range(N):
        rows = slice(max(0, -down[k]), 5 - max(0, down[k]))
        columns = slice(max(0, -right[k]), 5 - max(0, right[k]))
        assert np.array_equal(back[k, rows, columns], images[k, rows, columns])
        assert (back[k] == -1).sum() == back[k].size - images[k, rows, columns].size
    assert np.array_equal(moved(images, np.zeros(N, int), np.zeros(N, int)), images)
    assert (moved(images, np.full(N, 2**40), np.zeros(N, int), fill=0.5) == 0.5).all()


def test_padding_is_black_around_the_image(images):
    framed = padded(images, (2, 1))
    assert framed.shape == (N, 9, 7, 3)
    assert np.array_equal(framed[:, 2:7, 1:6], images)
    assert (framed == -1).sum() == framed.size - images.size
    assert padded(np.zeros((1, 2, 2, 1), np.uint8), (1, 1), fill=7)[0, 0, 0, 0] == 7


RANDOM = {
    "flip": flip,
    "rot90": lambda images, rng: rot90(images, rng)[0],
    "crop": lambda images, rng: crop(images, rng, pad=2),
    "small": lambda images, rng: crop(images, rng, size=(2, 4)),
    "shift": lambda images, rng: shift(images, rng, 1),
}


@pytest.mark.parametrize("name", RANDOM)
def test_the_random_generator_decides_everything_and_the_input_is_unchanged(images, name):
    images.flags.writeable = False
    first, again, other = (RANDOM[name](images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.dtype == np.float32 and not np.shares_memory(first, images)
    assert first.shape[1:3] == ((2, 4) if name == "small" else (5, 5))
    assert RANDOM[name](images[:0], np.random.default_rng(0)).shape == (0, *first.shape[1:])


@pytest.mark.parametrize(
    ("draw", "ways"), [(flip, 2), (RANDOM["rot90"], 4), (RANDOM["shift"], 9), (RANDOM["crop"], 25)]
)
def test_every_random_change_is_equally_likely(rng, draw, ways):
    image = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    results, counts = np.unique(draw(np.repeat(image, 5000, axis=0), rng), axis=0, return_counts=True)
    assert len(results) == ways
    p = 1 / ways
    assert np.abs(counts - 5000 * p).max() <= 5 * np.sqrt(5000 * p * (1 - p))


def test_the_quarters_that_are_returned_undo_the_turn(images, rng):
    result, quarters = rot90(images, rng)
    assert np.array_equal(turned(result, -quarters), images)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: turned(x[:, :4], np.zeros(N, int)), "square images"),
        (lambda x: mirrored(x, [True]), "one integer per image"),
        (lambda x: turned(x, np.zeros(N)), "one integer per image"),
        (lambda x: mirrored(x[0], np.zeros(N, bool)), "expected images"),
        (
            lambda x: cut(x, np.ones(N, int), np.zeros(N, int), (5, 5)),
            "a crop of 5x5 pixels reaches outside images of 5x5",
        ),
        (lambda x: cut(x, -np.ones(N, int), np.zeros(N, int), (5, 5)), "a start of at least 0"),
        (
            lambda x: crop(x, np.random.default_rng(0), size=(6, 5)),
            "a crop of 6x5 pixels does not fit in images of 5x5",
        ),
        (lambda x: crop(x, np.random.default_rng(0), pad=-1), "padding must be at least 0 pixels"),
        (lambda x: shift(x, np.random.default_rng(0), -1), "at least 0 pixels"),
    ],
)
def test_invalid_inputs_are_errors_of_one_line(images, call, message):
    with pytest.raises(UsageError, match=message):
        call(images)
