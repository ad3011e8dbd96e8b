"""The experiments of f-GAN: what is said of figures, and the best critic under a penalty."""

import numpy as np
import pytest

from tinygan.objectives.divergences import ROWS
from tinygan.reproduce import Result, Work, experiments
from tinygan.reproduce.harness.experiment import Stopped
from tinygan.reproduce.papers import fgan, fgan_fixed
from tinygan.reproduce.papers.line import nearest_gaussian
from tinygan.training.interrupt import Interrupt

(MIXTURE,) = experiments("fgan", ("mixture",))


def results(off=0.0, short=0.01, **other):
    """Fits ``off`` the truth in both parameters, with bounds ``short`` of the divergence by a share."""
    made = []
    for job in MIXTURE.jobs:
        name = job["divergence"] if job["saturating"] else "reverse-kl"
        mean, sigma = nearest_gaussian(ROWS[name], fgan.P)
        shift = 2 * np.log(2) if name == "gan" else 0.0
        bound = 0.2 * (1 - short) - shift
        figures = {"mean": mean + off, "sigma": sigma + off, "divergence": 0.2 - shift, "bound": bound}
        made.append(Result(job, figures | {"bound by samples": bound, "error": 1e-3} | other))
    return made


def missed(found):
    return [claim.what for claim in MIXTURE.claims(found) if not claim.met]


def test_the_true_fit_meets_every_claim_and_is_plotted(tmp_path):
    assert missed(results()) == []
    pytest.importorskip("matplotlib")
    assert all(path.is_file() for path in MIXTURE.draw(results(), tmp_path))


def test_every_kind_of_failure_misses_a_claim():
    assert len(missed(results(off=0.06))) == len(fgan.FITTED)
    assert all("gap between" in what for what in missed(results(short=0.06)))
    assert len(missed(results(short=0.06))) == len(fgan.ROWS_HERE)
    assert all("never negative" in what for what in missed(results(short=-1e-4)))
    assert all("samples" in what for what in missed(results(**{"bound by samples": 1.0})))
    assert any("σ by kl" in what for what in missed(results(sigma=1.3)))


def test_the_best_critic_exceeds_the_distance_by_no_less_than_its_mean_slope_says():
    """By Cauchy and Schwarz ∫ Δ²/r ≥ (∫ Δ)², with equality where all slopes are alike."""
    for gamma in (10.0, 100.0):
        distance, slope = fgan_fixed.optimum(gamma)
        least = fgan_fixed.APART * slope
        assert least <= distance <= least + 0.1 * (least - fgan_fixed.APART)


def test_a_critic_that_starts_at_zero_finds_the_sign(tmp_path, monkeypatch):
    monkeypatch.setattr(fgan_fixed, "STEPS", 30)
    work = Work(tmp_path, tmp_path, Interrupt(), {})
    for seed in range(3):
        assert fgan_fixed.run_kantorovich({"gamma": 100.0, "seed": seed}, work)["distance"] > 0.5


def test_few_steps_of_each_game_give_finite_figures_and_a_bound_below_the_divergence(tmp_path, monkeypatch):
    monkeypatch.setattr(fgan, "STEPS", 2)
    monkeypatch.setattr(fgan, "FRESH", 100)
    monkeypatch.setattr(fgan_fixed, "STEPS", 2)
    work = Work(tmp_path, tmp_path, Interrupt(), {})
    for name in fgan.ROWS_HERE:
        figures = fgan.run({"divergence": name, "saturating": True, "seed": 0}, work)
        assert figures["bound"] < figures["divergence"]
    for pair in fgan_fixed.PAIRS:
        figures = fgan_fixed.run_information({"pair": pair, "seed": 0}, work)
        assert figures["value"] < figures["truth"] < 0


def test_a_signal_stops_a_job(tmp_path):
    interrupt = Interrupt()
    interrupt.code = 130
    work = Work(tmp_path, tmp_path, interrupt, {})
    with pytest.raises(Stopped):
        fgan.run({"divergence": "kl", "saturating": True, "seed": 0}, work)
    with pytest.raises(Stopped):
        fgan_fixed.run_information({"pair": next(iter(fgan_fixed.PAIRS)), "seed": 0}, work)
