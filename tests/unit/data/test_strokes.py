"""The drawn digits: the same whatever the batch, unmistakable, and their labels are true."""

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.data.glyphs import DOTS, alphabet
from tinygan.data.strokes import FACTORS, factor_directions


@pytest.fixture(scope="module")
def drawn():
    """4,000 digits and their labels; the ink is in [0, 1]."""
    pictures, labels = open_data("strokes").batch(np.arange(4000))
    return (pictures[..., 0] + 1) / 2, labels


def explained(target: np.ndarray, *causes: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of the variance of ``target`` that ``causes`` explain linearly, and their weights."""
    table = np.column_stack([np.ones(len(target)), *causes])
    weights, *_ = np.linalg.lstsq(table, target, rcond=None)
    return 1 - np.var(target - table @ weights) / np.var(target), weights[1:]


def test_a_sample_is_the_same_in_every_batch():
    pictures, labels = open_data("strokes", data_seed=5).batch(np.arange(64))
    index = np.array([63, 5, 5, 17])
    again, labels_again = open_data("strokes", data_seed=5).batch(index)
    np.testing.assert_array_equal(again, pictures[index])
    for name, values in labels.items():
        np.testing.assert_array_equal(labels_again[name], values[index])


def test_pictures_are_white_ink_on_black_in_range():
    data = open_data("strokes")
    pictures, labels = data.batch(np.arange(500))
    assert pictures.shape == (500, *data.shape) == (500, 28, 28, 1)
    assert pictures.dtype == np.float32
    assert labels["class"].dtype == np.int64
    assert data.size is None
    assert pictures.min() == -1
    assert 0.9 <= pictures.max() <= 1
    assert (pictures.max(axis=(1, 2, 3)) >= 0.6).all()
    assert (pictures[:, [0, -1]] < -0.9).all()  # nothing runs over the edge
    assert (pictures[:, :, [0, -1]] < -0.9).all()


def test_the_mean_ink_is_close_to_that_of_mnist(drawn):
    ink, _ = drawn
    assert 0.11 <= ink.mean() <= 0.15  # MNIST: 0.1307


def test_far_indices_and_empty_batches_are_served():
    data = open_data("strokes")
    assert np.isfinite(data.batch(np.array([2**62]))[0]).all()
    assert data.batch(np.arange(0))[0].shape == (0, 28, 28, 1)


def test_seeds_and_splits_draw_other_digits():
    drawn = [
        open_data("strokes", data_seed=s, split=p).batch(np.arange(4))[0] for s in (0, 1) for p in ("train", "test")
    ]
    assert len({pictures.tobytes() for pictures in drawn}) == 4


def test_no_two_are_alike_and_classes_are_even(drawn):
    ink, labels = drawn
    assert len({picture.tobytes() for picture in ink}) == len(ink)
    counts = np.bincount(labels["class"], minlength=10)
    assert np.abs(counts - 400).max() <= 5 * np.sqrt(400)


def test_a_linear_classifier_separates_the_digits(drawn):
    ink, labels = drawn
    flat = np.column_stack([ink.reshape(len(ink), -1), np.ones(len(ink))]).astype(float)
    train, test = slice(0, 3000), slice(3000, None)
    gram = flat[train].T @ flat[train] + 5 * np.eye(flat.shape[1])
    weights = np.linalg.solve(gram, flat[train].T @ np.eye(10)[labels["class"][train]])
    right = (flat[test] @ weights).argmax(axis=1) == labels["class"][test]
    assert right.mean() >= 0.97


def test_offsets_move_the_ink_by_that_many_pixels(drawn):
    ink, labels = drawn
    which = labels["class"] == 0
    for axis, name in ((1, "offset_y"), (2, "offset_x")):
        profile = ink.sum(axis=3 - axis)[which]
        centre = profile @ np.arange(28) / profile.sum(axis=1)
        share, (slope,) = explained(centre, labels[name][which])
        assert share >= 0.8
        assert abs(slope - 1) <= 0.05


def test_slant_and_rotation_lean_a_one_to_the_right(drawn):
    ink, labels = drawn
    which = labels["class"] == 1
    mass = ink[which] / ink[which].sum(axis=(1, 2), keepdims=True)
    down = np.arange(28) - (mass.sum(axis=2) @ np.arange(28))[:, None]
    right = np.arange(28) - (mass.sum(axis=1) @ np.arange(28))[:, None]
    lean = -np.einsum("nij,ni,nj->n", mass, down, right) / np.einsum("nij,ni->n", mass, down**2)  # pixels right by up
    angles = [np.tan(np.deg2rad(labels[name][which])) for name in ("slant", "rotation")]
    share, slopes = explained(lean, *angles)
    assert share >= 0.9
    assert np.abs(slopes - 1).max() <= 0.1


def test_width_and_scale_make_the_ink_of_a_one(drawn):
    ink, labels = drawn
    which = labels["class"] == 1
    length = alphabet()[2][1]
    area = labels["width"] * labels["scale"] * length
    share, (slope,) = explained(ink.sum(axis=(1, 2))[which], area[which])
    assert share >= 0.9
    assert abs(slope - 1) <= 0.15


def test_dots_are_evenly_spaced_along_every_digit():
    points, weights, lengths = alphabet()
    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-12)  # moving all points moves all dots
    gaps = np.linalg.norm(np.diff(weights @ points, axis=1), axis=2)
    even = lengths / DOTS
    assert (np.median(gaps, axis=1) <= even * 1.001).all()
    assert (np.median(gaps, axis=1) >= even * 0.97).all()
    assert even.max() <= 1


def test_a_picture_is_drawn_again_from_its_labels():
    """In float32 to the rounding of the labels; in float64 the same picture with finer pixels."""
    data = open_data("strokes")
    pictures, labels = data.batch(np.arange(40))
    again = data.render(labels["class"], labels, labels["wobble"])
    assert again.dtype == np.float32
    np.testing.assert_allclose(again, pictures, rtol=0, atol=1e-5)
    finer = data.render(labels["class"], labels, labels["wobble"], np.float64)
    assert finer.dtype == np.float64
    np.testing.assert_allclose(finer, again, rtol=0, atol=1e-5)


def test_only_the_selected_values_matter():
    data = open_data("strokes")
    values = dict.fromkeys(("slant", "rotation", "offset_x", "offset_y"), np.zeros(2)) | {
        "width": np.full(2, 2.5),
        "scale": np.ones(2),
    }
    a, b = data.render(np.array([3, 3]), values, np.zeros((2, 11, 2)))
    np.testing.assert_array_equal(a, b)
    moved = data.render(np.array([3, 3]), values | {"offset_x": np.array([0.0, 1.0])}, np.zeros((2, 11, 2)))
    np.testing.assert_array_equal(moved[0], a)
    np.testing.assert_allclose(moved[1, :, 1:], a[:, :-1], rtol=0, atol=1e-5)  # one pixel to the right


def test_directions_of_factors_are_converged_derivatives():
    """Against Richardson's extrapolation of larger steps: what is left of h² and of rounding is harmless."""
    data = open_data("strokes")
    labels = data.batch(np.arange(60))[1]
    ways = factor_directions(data, labels)
    assert ways.shape == (60, len(FACTORS), 784)
    best = (9 * factor_directions(data, labels, 1e-3) - factor_directions(data, labels, 3e-3)) / 8
    length = np.linalg.norm(best, axis=2)
    assert (length >= 0.1).all()
    assert (np.linalg.norm(ways - best, axis=2) <= 1e-7 * length).all()


def test_directions_of_factors_move_the_picture_as_their_names_say():
    """By small true steps; and the offsets' directions are those of sliding the picture."""
    data = open_data("strokes")
    labels = data.batch(np.arange(60))[1]
    ways = factor_directions(data, labels)
    still = data.render(labels["class"], labels, labels["wobble"], np.float64).reshape(60, -1)
    for j, name in enumerate(FACTORS):
        there = data.render(labels["class"], labels | {name: labels[name] + 0.01}, labels["wobble"], np.float64)
        step = there.reshape(60, -1) - still
        assert (np.linalg.norm(step - 0.01 * ways[:, j], axis=1) <= 0.1 * np.linalg.norm(step, axis=1)).all()
