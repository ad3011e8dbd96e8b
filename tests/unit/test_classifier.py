"""The classifier: it learns, its features are what its logits come from, and its augmentation moves nothing else."""

import numpy as np
import pytest

from tinygan.checkpoint import flatten
from tinygan.data import Batch, Sample, open_data
from tinygan.errors import UsageError
from tinygan.models.classifier import classifier
from tinygan.recipes import Generative
from tinygan.recipes.classifier import ClassifierRecipe, Settings

SAMPLE = Sample((28, 28, 1), 10)


def digits(start, n):
    return Batch(*open_data("strokes").batch(np.arange(start, start + n)))


def test_it_learns_drawn_digits_and_writes_to_no_input(rng):
    recipe = ClassifierRecipe(Settings(width=8), SAMPLE)
    state = recipe.init(rng)
    for step in range(80):
        before = {name: a.copy() for name, a in flatten(state).items()}
        new, log = recipe.step(state, digits(32 * step, 32), rng)
        assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
        assert all(np.isfinite(value) for value in log.values())
        state = new
    held_out = digits(10_000, 200)
    _, logits = recipe.read(state, held_out.x)
    assert (logits.argmax(axis=1) == held_out.labels["class"]).mean() > 0.9
    assert state.memory.t == 80


def test_the_logits_are_the_last_layer_of_the_features(rng):
    f = classifier((8, 12, 3), 5, 2)
    theta = f.net.init(rng, np.float64)
    running = f.net.init_running(theta, rng)
    running += rng.random(running.shape)
    x = rng.uniform(-1, 1, (7, 8, 12, 3))
    features, logits = f.read(theta, running, x)
    assert features.shape == (7, 8) and logits.shape == (7, 5)
    np.testing.assert_array_equal(logits, f.net.eval(running).forward(theta, x)[0])
    np.testing.assert_allclose(f.read(theta, running, x[3:4])[0], features[3:4], rtol=1e-12)


def test_the_shipped_width_has_290_000_numbers_at_most():
    assert classifier((28, 28, 1), 10, Settings().width).net.size <= 290_000


def test_an_image_is_moved_by_whole_pixels_and_perhaps_flipped(rng):
    x = np.full((64, 8, 8, 1), -1, np.float32)
    x[:, 3, 2] = np.arange(1, 65).reshape(-1, 1)  # each image has a mark of its own
    y = ClassifierRecipe(Settings(width=1, shift=2, flip=True), Sample((8, 8, 1), 2)).augment(x, rng)
    assert y.shape == x.shape and y.flags.c_contiguous
    image, row, column, _ = np.nonzero(y != -1)
    np.testing.assert_array_equal(image, np.arange(64))
    np.testing.assert_array_equal(y[image, row, column, 0], np.arange(1, 65))
    assert set(row.tolist()) == {1, 2, 3, 4, 5}
    assert set(column.tolist()) == {0, 1, 2, 3, 4, 5, 6, 7}, "2 +- 2, and 7 less that"


def test_without_shift_and_flip_an_image_stays_as_it_is(rng):
    x = rng.uniform(-1, 1, (5, 8, 8, 3)).astype(np.float32)
    recipe = ClassifierRecipe(Settings(width=1, shift=0), Sample((8, 8, 3), 2))
    np.testing.assert_array_equal(recipe.augment(x, rng), x)


@pytest.mark.parametrize("sample", [Sample((2,), 8), Sample((30, 28, 1), 10), Sample((28, 28, 1), 1)], ids=str)
def test_data_that_does_not_fit_is_refused(sample):
    with pytest.raises(UsageError, match="classifier needs"):
        ClassifierRecipe(Settings(), sample)


def test_a_classifier_makes_no_samples():
    assert not isinstance(ClassifierRecipe(Settings(width=1), SAMPLE), Generative)
