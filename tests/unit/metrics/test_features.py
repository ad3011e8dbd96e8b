"""The feature network: what is loaded is what was saved, and the file that is shipped is the pinned one."""

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.data.registry import locate
from tinygan.errors import FormatError, UsageError
from tinygan.formats.safetensors import load, save
from tinygan.metrics.features import CHUNK, PINNED, SHIPPED, coarse, load_features, load_shipped, save_features
from tinygan.models.classifier import classifier

SHAPE = (8, 8, 3)


@pytest.fixture
def saved(tmp_path, rng):
    """A file, its hash, its classifier and the numbers in it."""
    f = classifier(SHAPE, 4, 2)
    weights = coarse(f.net.init(rng)).astype(np.float32)
    running = f.net.init_running(weights, rng) + rng.random(f.net.running_size).astype(np.float32)
    path = tmp_path / "w.safetensors"
    return path, save_features(path, "digits", SHAPE, f, weights, running, 4), (f, weights, running)


def test_a_saved_classifier_reads_images_as_it_did(saved, rng):
    path, sha256, (f, weights, running) = saved
    extractor = load_features(path, sha256)
    assert (extractor.name, extractor.dim, extractor.shape) == ("tinygan-digits features", 8, SHAPE)
    assert load_features(path).name.startswith("tinygan-digits features "), "what is not pinned has a hash in its name"
    x = rng.uniform(-1, 1, (CHUNK + 3, *SHAPE)).astype(np.float32)
    features, logits = extractor(x)
    assert features.shape == (CHUNK + 3, 8) and logits.shape == (CHUNK + 3, 4)
    for found, expected in zip((features, logits), f.read(weights, running, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert extractor(x[:0])[0].shape == (0, 8)


def test_other_bytes_than_the_pinned_ones_are_refused(saved):
    with pytest.raises(FormatError, match="SHA-256 differs"):
        load_features(saved[0], "0" * 64)


CHANGES = [{"width": "3"}, {"width": "-2"}, {"width": "x"}, {"width": "99999999"}, {"classes": "1"}, {"shape": "8 8"}]
CHANGES += [{"shape": "7 8 3"}, {"shape": ""}, {"classes": "9" * 5000}]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: str(changes)[:30])
def test_metadata_that_do_not_fit_are_refused(saved, changes):
    path, *_ = saved
    tensors, facts = load(path)
    save(path, tensors, facts | changes)
    with pytest.raises(FormatError, match="expected a file of"):
        load_features(path)


def test_a_file_of_something_else_is_refused(saved):
    path, *_ = saved
    save(path, {"weights": np.zeros(3)})
    with pytest.raises(FormatError, match="expected a file of"):
        load_features(path)


def test_images_of_another_shape_are_refused(saved):
    with pytest.raises(UsageError, match="are for images 8x8x3, these are 8x8x1"):
        load_features(saved[0])(np.zeros((2, 8, 8, 1), np.float32))


@pytest.mark.parametrize("name", PINNED)
def test_the_shipped_weights_are_pinned_and_small(name):
    extractor = load_shipped(name)
    assert extractor.name == f"tinygan-{name} features" and extractor.dim == 128
    assert (SHIPPED / f"{name}.safetensors").stat().st_size <= 600_000


@pytest.mark.skipif(not locate("fashion-mnist", "test"), reason="Fashion-MNIST is not installed")
def test_the_shipped_classifier_knows_fashion():
    x, labels = open_data("fashion-mnist", split="test").batch(np.arange(2000))
    assert (load_shipped("fashion-mnist")(x)[1].argmax(axis=1) == labels["class"]).mean() > 0.92
