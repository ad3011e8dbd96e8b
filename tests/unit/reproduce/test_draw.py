"""The experiments of DRAW: what is measured of a training, and what is said of figures."""

import pytest

from tinygan.reproduce import Result, Work
from tinygan.reproduce.papers import draw
from tinygan.training.interrupt import Interrupt


def test_filters_are_the_identity_and_rows_sum_to_one(tmp_path):
    figures = draw.filters({"seed": 0}, Work(tmp_path, tmp_path, Interrupt(), {}))
    assert all(claim.met for claim in draw.of_filters([Result({"seed": 0}, figures)]))
    assert not any(claim.met for claim in draw.of_filters([Result({"seed": 0}, {"identity": 0.1, "rows": 0.1})]))


@pytest.mark.parametrize(
    ("system", "picture"), [("VAE", None), ("T = 1", None), ("T = 5", "T5"), ("T = 10, windows", "windows")]
)
def test_a_training_is_measured_and_plotted(system, picture, tmp_path, monkeypatch):
    for name, value in {"DATA": "strokes", "STEPS": 1, "BATCH": 4, "TEST": 20, "DRAWS": 2}.items():
        monkeypatch.setattr(draw, name, value)
    small = {name: (recipe, own | {"width": 8}) for name, (recipe, own) in draw.ALL.items()}
    monkeypatch.setattr(draw, "ALL", small)
    job = {"system": system, "seed": 0}
    figures = draw.run(job, Work(tmp_path / "runs", tmp_path / "pictures", Interrupt(), {}))
    assert figures == draw.run(job, Work(tmp_path / "runs", tmp_path / "pictures", Interrupt(), {}))
    assert 0 < figures["nats"] < 1e4
    assert [path.name for path in (tmp_path / "pictures").glob("*")] == ([f"{picture}-seed0.png"] if picture else [])


def judged(**nats):
    results = [
        Result({"system": name, "seed": seed}, {"nats": value})
        for name, values in nats.items()
        for seed, value in enumerate(values)
    ]
    return {claim.what: claim for claim in draw.claims(results)}


def test_medians_have_bounds_and_seeds_are_counted():
    nats = {"VAE": [110.0, 111.0, 109.0], "T = 10": [100.0, 107.0, 103.0], "T = 5": [104.0, 106.0, 108.0]}
    found = judged(**nats, **{"T = 1": [120.0, 121.0, 122.0], "VAE, rate chosen": [105.0, 106.0, 102.0]})
    gain = found["gain of T = 10 over VAE, nats, of medians"]
    assert gain.value == 7 and gain.met
    assert found["seeds of 3 in which T = 10 is better by 5 nats, VAE"].value == 2
    assert found["gain of T = 10 over VAE, rate chosen, nats, of medians"].value == 2
    assert found["gain of T = 10 over T = 5, nats, of medians"].value == 3
    assert found["seeds of 3 in which T = 10 is better than T = 5 and T = 5 than T = 1"].value == 2
    nats["VAE"] = [107.9] * 3
    worse = judged(**nats, **{"T = 1": [100.0] * 3, "VAE, rate chosen": [130.0] * 3})
    assert [claim.met for claim in worse.values() if claim.sign] == [False, True, False]
    (seen,) = draw.of_windows([Result({"system": draw.WINDOWS, "seed": 0}, {"nats": 120.0})])
    assert seen.value == 120 and not seen.sign
