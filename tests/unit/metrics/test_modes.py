"""Modes: the perfect sampler has the values that theory gives it."""

import math

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.data.toys import GRID, MIXTURES, RING
from tinygan.errors import UsageError
from tinygan.metrics.modes import labelled, mixture, stacked


@pytest.mark.parametrize("name", MIXTURES)
def test_a_perfect_sampler_has_9889_in_ten_thousand_within_three_sigma(name):
    centres, sigma = MIXTURES[name]
    points, _ = open_data(name).batch(np.arange(50_000))
    got = mixture(points, centres, sigma)
    assert abs(got.high_quality - 0.9889) <= 0.003
    assert got.band[0] <= got.high_quality <= got.band[1]
    assert got.hit == len(centres)
    floor = (len(centres) - 1) / (2 * 50_000)
    assert 0 <= got.reverse_kl <= 3 * floor


def test_the_band_is_three_standard_errors():
    got = mixture(np.zeros((2500, 2)), GRID, 0.05)
    assert abs(got.ideal - (1 - math.exp(-4.5))) <= 1e-15
    error = 3 * math.sqrt(got.ideal * (1 - got.ideal) / 2500)
    assert got.band == (got.ideal - error, got.ideal + error)
    assert got.high_quality == 1 > got.band[1]
    assert mixture(np.zeros((10, 2)), GRID, 0.05).band[1] == 1


def test_narrow_modes_are_above_the_band_and_wide_ones_below(rng):
    centres = GRID[rng.integers(25, size=10_000)]
    noise = 0.05 * rng.normal(size=centres.shape)
    low, high = mixture(centres, GRID, 0.05).band
    assert mixture(centres + 0.5 * noise, GRID, 0.05).high_quality > high
    assert mixture(centres + 1.5 * noise, GRID, 0.05).high_quality < low


def test_mixture_coverage_agrees_with_a_computation_by_hand():
    # sigma 1: 3 sigma of (0, 0) holds the first two; the third is nearer to (10, 0), 4 away
    got = mixture(np.array([[0, 0], [0, 3], [6, 0], [0, 0]]), np.array([[0, 0], [10, 0]]), 1.0)
    assert got.hit == 1
    assert got.high_quality == 0.75
    assert abs(got.reverse_kl - (0.75 * math.log(1.5) + 0.25 * math.log(0.5))) <= 1e-15


def test_blocks_do_not_matter(rng, monkeypatch):
    points = rng.normal(size=(500, 2))
    whole = mixture(points, RING, 0.2)
    monkeypatch.setattr("tinygan.metrics.modes.rows", lambda n: (slice(i, min(i + 7, n)) for i in range(0, n, 7)))
    assert mixture(points, RING, 0.2) == whole


def test_even_samples_of_a_thousand_modes_have_the_floor(rng):
    got = labelled(rng.integers(1000, size=26_000))
    assert abs(got.reverse_kl - 0.019) <= 0.003
    assert got.hit == 1000


def test_one_mode_alone_is_at_log_k():
    assert labelled(np.full(50, 7)) == (1, math.log(1000))
    assert labelled(np.arange(1000)).reverse_kl <= 1e-12


def test_the_modes_of_stacked_digits_are_their_number():
    assert stacked(np.array([[0, 0, 0], [1, 2, 3], [9, 9, 9]], np.uint8)).tolist() == [0, 123, 999]


def test_invalid_inputs_are_usage_errors():
    with pytest.raises(UsageError, match="points have 3 columns"):
        mixture(np.ones((4, 3)), GRID, 0.05)
    with pytest.raises(UsageError, match="sigma is 0 and the radius is 3"):
        mixture(np.ones((4, 2)), GRID, 0)
    with pytest.raises(UsageError, match="points have a NaN"):
        mixture(np.full((4, 2), np.nan), GRID, 0.05)
    with pytest.raises(UsageError, match="labels are from 0 to 1000; expected 0 to 999"):
        labelled(np.array([0, 1000]))
    with pytest.raises(UsageError, match=r"labels are float64 \(2,\); expected integers"):
        labelled(np.zeros(2))
    with pytest.raises(UsageError, match=r"labels are int64 \(0,\)"):
        labelled(np.zeros(0, np.int64))
    with pytest.raises(UsageError, match="digits are from 0 to 10"):
        stacked(np.array([[0, 10, 3]]))
    with pytest.raises(UsageError, match="labels are from -1 to 3"):
        labelled(np.array([-1, 3]))
    with pytest.raises(UsageError, match="digits are float64"):
        stacked(np.array([[0.5, 1.0, 3.0]]))
