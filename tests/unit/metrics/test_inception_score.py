"""Inception Score: a reference in plain float64, bounds, chunks in order, streams."""

import math

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.inception_score import add, inception_score, score, start


def reference(logits, splits):
    """exp(mean KL) of each chunk, number by number."""
    values = []
    for i in range(splits):
        p = []
        for row in logits[i * len(logits) // splits : (i + 1) * len(logits) // splits].astype(float):
            e = [math.exp(a - max(row)) for a in row]
            p.append([a / sum(e) for a in e])
        mean = [sum(column) / len(p) for column in zip(*p, strict=True)]
        kl = [sum(a * (math.log(a) - math.log(m)) for a, m in zip(row, mean, strict=True)) for row in p]
        values.append(math.exp(sum(kl) / len(kl)))
    return np.mean(values), np.std(values)


@pytest.mark.parametrize("splits", [1, 3, 10])
@pytest.mark.parametrize("scale", [0.1, 5.0])
def test_it_is_the_float64_reference(rng, splits, scale):
    logits = (scale * rng.normal(size=(205, 7))).astype(np.float32)
    got = inception_score(logits, splits)
    mean, std = reference(logits, splits)
    assert abs(got.mean - mean) <= 1e-9
    assert abs(got.std - std) <= 1e-9


def test_the_bounds_are_one_and_the_number_of_classes():
    sure = 1000.0 * np.eye(10)[np.arange(100) % 10]
    best, worst, one = inception_score(sure), inception_score(np.zeros((100, 10))), inception_score(sure[::10])
    assert abs(best.mean - 10) <= 1e-12
    assert abs(best.diversity - math.log(10)) <= 1e-12
    assert best.quality <= 1e-12
    assert abs(worst.mean - 1) <= 1e-12
    assert abs(worst.quality - math.log(10)) <= 1e-12
    assert abs(one.mean - 1) <= 1e-12
    assert one.diversity <= 1e-12


def test_one_split_is_the_exponential_of_the_entropies_difference(rng):
    got = inception_score(rng.normal(size=(60, 5)), 1)
    assert abs(got.mean - math.exp(got.diversity - got.quality)) <= 1e-12
    assert got.std == 0


def test_a_shift_of_the_logits_does_not_matter(rng):
    logits = rng.normal(size=(60, 5))
    np.testing.assert_allclose(inception_score(logits + 1e4), inception_score(logits), atol=1e-9)


@pytest.mark.parametrize("size", [1, 17, 99])
def test_a_stream_gives_the_same(rng, size):
    logits = 3 * rng.normal(size=(103, 6))
    sums = start(103, 6)
    for i in range(0, 103, size):
        sums = add(sums, logits[i : i + size])
    np.testing.assert_allclose(score(sums), inception_score(logits), rtol=0, atol=1e-10)


def test_invalid_inputs_are_usage_errors(rng):
    logits = np.zeros((20, 5))
    with pytest.raises(UsageError, match="10 splits of 5 samples"):
        inception_score(logits[:5])
    with pytest.raises(UsageError, match="0 splits of 20"):
        inception_score(logits, 0)
    with pytest.raises(UsageError, match="of 1 classes"):
        inception_score(logits[:, :1])
    with pytest.raises(UsageError, match="logits have a NaN"):
        inception_score(np.full((20, 5), np.nan))
    with pytest.raises(UsageError, match="got 40 samples, expected 30"):
        add(add(start(30, 5), logits), logits)
    with pytest.raises(UsageError, match="got 20 samples, expected 30; add the others"):
        score(add(start(30, 5), logits))
