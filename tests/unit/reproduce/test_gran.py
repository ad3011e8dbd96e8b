"""The experiment of GRAN: what a job finds, and what is said of battles."""

import pytest

from tinygan.formats.png import read_png
from tinygan.reproduce import Result, Work
from tinygan.reproduce.papers import gran
from tinygan.training.interrupt import Interrupt


def judged(r_test=1.0, r_sample=0.5, won=True, lost=False, ratio=0.9):
    """Whether the claims with a bound are met, of three like seeds."""
    battle = {"r_test": r_test, "r_sample": r_sample, "won": won, "lost": lost}
    results = [
        Result({"steps": T, "seed": seed}, {"distance": 2.0 if T == 1 else 2.0 * ratio} | (battle if T > 1 else {}))
        for seed in gran.SEEDS
        for T in gran.PAINTED
    ]
    return [claim.met for claim in gran.claims(results) if claim.sign]


def test_battles_ratios_and_distances_are_judged_for_each_T():
    assert judged() == [True] * 8
    assert judged(won=False) == [True, False, True, True] * 2
    assert judged(won=False, lost=True) == [True, False, False, True] * 2
    assert judged(r_sample=1.1, ratio=1.1) == [False, True, True, False] * 2


def test_a_job_fights_the_training_of_one_step_and_draws_its_canvases(tmp_path, monkeypatch):
    small = {"STEPS": 1, "BATCH": 4, "DATA": "strokes", "SAMPLES": 20, "JUDGED": 30, "SHOWN": 2}
    for name, value in (small | {"OURS": {"width": 2, "latent": 4}}).items():
        monkeypatch.setattr(gran, name, value)
    work = Work(tmp_path / "runs", tmp_path / "pictures", Interrupt(), {})
    monkeypatch.setattr(work, "features", lambda data, steps: Work.features(work, "fashion-mnist", 0))
    assert gran.run({"steps": 1, "seed": 0}, work).keys() == {"distance", "floor"}
    found = gran.run({"steps": 3, "seed": 0}, work)
    assert found["errors"].keys() == {"a_test", "b_test", "a_on_b", "b_on_a"}
    a, b = found["errors"]["a_on_b"], found["errors"]["b_on_a"]
    assert found["r_sample"] == (pytest.approx(a / b) if b else pytest.approx(1 if a == 0 else float("inf")))
    assert not (found["won"] and found["lost"])
    assert read_png(tmp_path / "pictures/canvases-3-seed0.png").shape == (9 * (2 * 30 + 2), 9 * (3 * 30 + 2), 3)
