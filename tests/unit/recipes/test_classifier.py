"""The classifier: it learns, its features are what its logits come from, and its augmentation moves nothing else."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample, open_data
from tinygan.errors import UsageError
from tinygan.models.classifier import classifier
from tinygan.recipes import Generative
from tinygan.recipes.systems.classifier import ClassifierRecipe, Settings
from tinygan.training.checkpoint import flatten

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


def test_images_are_moved_and_flipped_where_that_is_set(rng):
    x = rng.uniform(-1, 1, (64, 8, 8, 1)).astype(np.float32)
    sample = Sample((8, 8, 1), 2)
    np.testing.assert_array_equal(ClassifierRecipe(Settings(width=1, shift=0), sample).augment(x, rng), x)
    moved = ClassifierRecipe(Settings(width=1, shift=1), sample).augment(x, rng)
    assert all(
        any((np.roll(a, (i, j), (0, 1))[1:-1, 1:-1] == b[1:-1, 1:-1]).all() for i in (-1, 0, 1) for j in (-1, 0, 1))
        for a, b in zip(x, moved, strict=True)
    )
    flipped = ClassifierRecipe(Settings(width=1, shift=0, flip=True), sample).augment(x, rng)
    mirrored = [(b == a[:, ::-1]).all() for a, b in zip(x, flipped, strict=True)]
    assert 16 < sum(mirrored) < 48
    assert all((b == a).all() != m for a, b, m in zip(x, flipped, mirrored, strict=True))


@pytest.mark.parametrize("sample", [Sample((2,), 8), Sample((30, 28, 1), 10), Sample((28, 28, 1), 1)], ids=str)
def test_data_that_does_not_fit_is_refused(sample):
    with pytest.raises(UsageError, match="classifier needs"):
        ClassifierRecipe(Settings(), sample)


def test_a_classifier_makes_no_samples():
    assert not isinstance(ClassifierRecipe(Settings(width=1), SAMPLE), Generative)
