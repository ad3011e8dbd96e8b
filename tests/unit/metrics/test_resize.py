"""The two resizers of the FID's reference tools."""

import numpy as np
import pytest

from tinygan.metrics.resize import pil_bicubic, resize, tf1_bilinear


def test_tf1_bilinear_reads_at_i_n_over_m_and_repeats_the_last_pixel():
    x = np.array([0, 100, 40], np.uint8).reshape(1, 1, 3, 1)
    y = resize(np.repeat(x, 3, axis=1), 6, tf1_bilinear)
    assert np.abs(y[0, :, :, 0] - [0, 50, 100, 70, 40, 40]).max() <= 1e-4
    y = resize(np.repeat(x, 3, axis=1), 2, tf1_bilinear)
    assert np.abs(y[0, 0, :, 0] - [0, 70]).max() <= 1e-4  # at 0 and at 1.5


@pytest.mark.parametrize("matrix", [tf1_bilinear, pil_bicubic])
@pytest.mark.parametrize("n", [1, 2, 28, 32, 299, 640])
def test_rows_sum_to_one_and_the_same_size_is_the_identity(matrix, n):
    assert np.abs(matrix(n, 299).sum(axis=1) - 1).max() <= 1e-12
    assert np.array_equal(matrix(n, n), np.eye(n))


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (32, 48), (299, 299), (400, 333), (1000, 7)])
def test_pil_bicubic_is_that_of_pillow(size, rng):
    Image = pytest.importorskip("PIL.Image")
    images = rng.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    ours = resize(images, 299, pil_bicubic)
    for k, c in np.ndindex(2, 3):
        channel = Image.fromarray(images[k, :, :, c].astype(np.float32))
        theirs = np.asarray(channel.resize((299, 299), resample=Image.Resampling.BICUBIC))
        assert np.abs(ours[k, :, :, c] - theirs).max() <= 2e-4  # of 255: float32
