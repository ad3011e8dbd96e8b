"""MS-SSIM: 1 for equal images, the formula pixel by pixel, pairs within a class."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.ms_ssim import WEIGHTS, ms_ssim, scales, within_classes


def half(x):
    """Means of 2x2."""
    return np.array(
        [[x[i : i + 2, j : j + 2].mean() for j in range(0, len(x[0]) - 1, 2)] for i in range(0, len(x) - 1, 2)]
    )


def by_loops(x, y):
    """One pair, one channel, window by window."""
    t = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(t, t) / np.outer(t, t).sum()
    x, y = (x + 1) / 2, (y + 1) / 2
    count = scales(*x.shape)
    value = 1.0
    for scale in range(count):
        both, structure = [], []
        for i in range(x.shape[0] - 10):
            for j in range(x.shape[1] - 10):
                a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
                ma, mb = (window * a).sum(), (window * b).sum()
                va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
                cs = (2 * (window * (a - ma) * (b - mb)).sum() + 9e-4) / (va + vb + 9e-4)
                structure.append(cs)
                both.append(cs * (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4))
        part = np.mean(both if scale == count - 1 else structure)
        value *= max(part, 0) ** (WEIGHTS[scale] / WEIGHTS[:count].sum())
        x, y = (
            np.array(
                [
                    [a[i : i + 2, j : j + 2].mean() for j in range(0, a.shape[1] - 1, 2)]
                    for i in range(0, a.shape[0] - 1, 2)
                ]
            )
            for a in (x, y)
        )
    return value


@pytest.fixture
def images(rng):
    """Smooth images (8, 28, 28, 3)."""
    t = np.linspace(0, 1, 28)
    phase = rng.uniform(0, 6, size=(8, 3, 2))
    waves = np.sin(7 * t[:, None, None] + phase[:, None, None, :, 0]) * np.cos(
        5 * t[:, None] + phase[:, None, None, :, 1]
    )
    return (0.8 * waves).astype(np.float32)


def test_equal_images_are_at_one(images):
    np.testing.assert_allclose(ms_ssim(images, images), 1, rtol=1e-12)


@pytest.mark.parametrize("shape", [(11, 11), (28, 28), (23, 30)])
def test_it_is_the_formula_window_by_window(rng, shape):
    x = rng.uniform(-1, 1, size=shape)
    y = np.clip(x + 0.3 * rng.normal(size=shape), -1, 1)
    assert abs(ms_ssim(x[None, ..., None], y[None, ..., None])[0] - by_loops(x, y)) <= 1e-10


def test_it_is_symmetric_and_falls_with_noise(images, rng):
    noise = rng.normal(size=images.shape)
    values = [ms_ssim(images, np.clip(images + s * noise, -1, 1)).mean() for s in (0, 0.05, 0.2, 0.8)]
    assert values == sorted(values, reverse=True)
    np.testing.assert_allclose(ms_ssim(images[:4], images[4:]), ms_ssim(images[4:], images[:4]), rtol=1e-12)


def test_an_image_and_its_negative_are_at_zero(images):
    np.testing.assert_array_equal(ms_ssim(images, -images), 0)


def test_pairs_are_independent(images):
    many, other = np.tile(images, (20, 1, 1, 1)), np.tile(images[::-1], (20, 1, 1, 1))
    np.testing.assert_allclose(ms_ssim(many, other)[-8:], ms_ssim(images, images[::-1]), rtol=1e-12)


@pytest.mark.parametrize(
    ("side", "count"), [(11, 1), (21, 1), (22, 2), (28, 2), (32, 2), (64, 3), (128, 4), (176, 5), (999, 5)]
)
def test_small_images_have_fewer_scales(side, count):
    assert scales(side, side) == count
    assert scales(side, 999) == count


def test_a_collapsed_class_is_seen(images, rng):
    collapsed = np.concatenate([images, np.repeat(images[:1], 8, axis=0)])
    got = within_classes(collapsed, np.repeat([0, 1], 8), rng, of=2, pairs=20)
    assert got.scales == 2
    assert got.each[1] == pytest.approx(1, abs=1e-12)
    assert got.each[0] <= 0.9


def test_pairs_are_of_different_images_and_seeded(images):
    pair = within_classes(images[:2], np.zeros(2, int), np.random.default_rng(0), of=1, pairs=30)
    assert pair.each[0] == pytest.approx(ms_ssim(images[:1], images[1:2])[0], rel=1e-12)
    labels = np.zeros(8, int)
    a, b = (within_classes(images, labels, np.random.default_rng(1), of=1).each for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_invalid_inputs_are_usage_errors(images, rng):
    with pytest.raises(UsageError, match="images of 10x28 pixels; MS-SSIM needs at least 11x11"):
        ms_ssim(images[:, :10], images[:, :10])
    with pytest.raises(UsageError, match="expected pairs of the same shape"):
        ms_ssim(images, images[:3])
    with pytest.raises(UsageError, match=r"expected real numbers \(n, H, W, C\)"):
        ms_ssim(images[0], images[0])
    with pytest.raises(UsageError, match="images have pixels from 0 to 255; expected -1 to 1"):
        ms_ssim(images, np.uint8([0, 255] * 28 * 28 * 12).reshape(images.shape))
    with pytest.raises(UsageError, match=r"images have pixels from -1\.5 to "):
        ms_ssim(images, np.full_like(images, -1.5))
    with pytest.raises(UsageError, match="NaN"):
        ms_ssim(np.full_like(images, np.nan), images)
    with pytest.raises(UsageError, match="class 1 has 0 images; expected at least 2 in each of the 2 classes"):
        within_classes(images, np.zeros(8, int), rng, of=2)
    with pytest.raises(UsageError, match="labels are from 0 to 3; expected 0 to 1"):
        within_classes(images, np.array([0, 3] * 4), rng, of=2)
    with pytest.raises(UsageError, match="0 pairs"):
        within_classes(images, np.zeros(8, int), rng, of=1, pairs=0)
