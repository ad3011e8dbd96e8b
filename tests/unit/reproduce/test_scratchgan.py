"""The experiments of ScratchGAN: standard errors, and what is said of figures."""

import numpy as np
import pytest

from tinygan.reproduce import Result
from tinygan.reproduce.papers import scratchgan


def test_errors_are_those_of_a_sample_drawn_one_by_one(rng):
    values, counts, truth = rng.normal(size=(4, 3)), np.array([5, 0, 2, 9]), rng.normal(size=3)
    drawn = np.repeat(values, counts, axis=0)
    expected = (drawn.mean(axis=0) - truth) / (drawn.std(axis=0, ddof=1) / 4)
    assert scratchgan.errors(values, counts, truth) == pytest.approx(expected)


def test_chi2_of_normal_errors_is_below_its_bound_in_95_percent(rng):
    values, chance = rng.normal(size=(6, 9)), rng.dirichlet(np.ones(6))
    found = []
    for _ in range(2000):
        counts = rng.multinomial(5000, chance)
        distance, ways = scratchgan.mahalanobis(values, counts, chance @ values)
        assert ways == 5
        found.append(distance)
    assert np.mean(found) == pytest.approx(5, rel=0.06)
    assert np.mean(np.array(found) <= scratchgan.chi2_within(5)) == pytest.approx(0.954, abs=0.015)


def test_the_estimator_is_within_two_standard_errors_and_a_wrong_one_would_not_be(monkeypatch):
    figures = scratchgan.enumerated({"seed": 7}, None)
    assert [c.met for c in scratchgan.estimator_claims([Result({"seed": 7}, figures)])] == [True, True]
    plain = scratchgan.ScratchGAN.score_gradient
    monkeypatch.setattr(
        scratchgan.ScratchGAN, "score_gradient", lambda self, theta, made, A: plain(self, theta, made, 1.02 * np.abs(A))
    )
    wrong = scratchgan.enumerated({"seed": 7}, None)
    assert not scratchgan.estimator_claims([Result({"seed": 7}, wrong)])[1].met


def test_claims_about_strings():
    figures = [{"valid": 0.95, "distinct": 33}, {"valid": 0.91, "distinct": 32}, {"valid": 0.2, "distinct": 2}]
    assert [c.met for c in scratchgan.claims([Result({"seed": i}, f) for i, f in enumerate(figures)])] == [True, True]
    worse = [f | {"distinct": 31} for f in figures]
    assert [c.met for c in scratchgan.claims([Result({"seed": i}, f) for i, f in enumerate(worse)])] == [True, False]
