"""The experiments of GLO: attributes, the places of a sum, what is said of lines and of figures."""

import dataclasses

import numpy as np
import pytest

from tinygan.data import Sample, open_data
from tinygan.errors import UsageError
from tinygan.recipes.systems.glo import GLO, Settings
from tinygan.reproduce import Result, Work, experiments
from tinygan.reproduce.harness.experiment import Stopped
from tinygan.reproduce.papers import glo, glo_sums
from tinygan.training.interrupt import Interrupt


def test_an_even_interpolation_has_unevenness_1_and_a_jump_increases_it():
    line = np.arange(4.0)[:, None, None, None] * np.ones((1, 2, 3, 1))
    assert glo.unevenness(line) == pytest.approx(1)
    line[3] += 2
    assert glo.unevenness(line) == pytest.approx(3)


def test_principal_components_reconstruct_data_in_their_span(rng):
    x = (rng.normal(size=(30, 2)) @ rng.normal(size=(2, 12)) / 10).reshape(30, 3, 4, 1).astype(np.float32)
    assert glo.pixel_error(glo.components(x, 2), x) < 1e-6 < 1e-3 < glo.pixel_error(glo.components(x, 1), x)
    assert glo.pixel_error(np.ones((1, 1)), -np.ones((1, 1))) == 1


@pytest.mark.parametrize("attribute", glo_sums.ATTRIBUTES)
def test_half_of_the_images_are_altered_and_always_the_same(attribute):
    plain = open_data("strokes")
    data, index = glo_sums.Altered(plain, 200, 3, attribute), np.arange(200)
    (x, labels), (before, _) = data.batch(index), plain.batch(index)
    altered = labels["altered"]
    assert 70 <= altered.sum() <= 130
    assert np.array_equal(x[~altered], before[~altered])
    if attribute == glo_sums.INVERTED:
        assert np.array_equal(x[altered], -before[altered])
    else:
        assert np.array_equal(x[altered][:, 2:-2, 2:-2], before[altered][:, 2:-2, 2:-2])
        edge = glo_sums.border(x)
        assert edge.sum() == 28**2 - 24**2 and (x[altered][:, edge] == 1).all()
    again = data.batch(index[::-1])
    assert np.array_equal(again[0][::-1], x) and np.array_equal(again[1]["altered"][::-1], altered)


def test_a_sum_is_of_every_two_classes_from_the_right_images(rng, monkeypatch):
    monkeypatch.setattr(glo_sums, "DRAWS", 2)
    label, altered = np.repeat([0, 1, 2], 40), np.tile([True, False], 60)
    state = GLO(Settings(images=120, latent=2, width=4), Sample((8, 8, 1))).init(rng)
    table = glo.Table(None, state, None, {"class": label, "altered": altered})
    B, places = glo_sums.trios(table, 4, 3, rng)
    assert len(B) == len(places) == 3 * 2 * 2
    pairs = set()
    for b, (with_, without, other) in zip(B, places, strict=True):
        (a,) = set(label[with_]) | set(label[without])
        assert altered[with_].all() and not altered[without].any() and not altered[other].any()
        assert len(set(with_)) == len(set(without)) == 4 and set(label[other]) == {b} and a != b
        alike = np.flatnonzero((label == b) & ~altered)
        far = np.linalg.norm(state.Z[alike] - state.Z[other[0]], axis=1)
        assert set(other) == set(alike[np.argsort(far)[:3]])
        pairs.add((int(a), int(b)))
    assert len(pairs) == 6


def test_few_steps_give_finite_figures_and_pictures(tmp_path, monkeypatch):
    small = Settings(images=glo.IMAGES, latent=4, width=4)
    for module in (glo, glo_sums):
        monkeypatch.setattr(module, "IMAGES", 400)
        monkeypatch.setattr(module, "DATA", "strokes")
    monkeypatch.setattr(glo_sums, "MEAN", 5)
    monkeypatch.setattr(glo, "SETTINGS", dataclasses.replace(small, images=400))
    monkeypatch.setattr(glo, "STEPS", 20)
    work = Work(tmp_path / "runs", tmp_path / "pictures", Interrupt(), {})
    found = glo.run({"seed": 0}, work)
    assert 0 < found["L1"] < 1 and len(found["uneven"]) == glo.PAIRS and min(found["uneven"]) >= 1

    def judge(x):
        return x, np.eye(10)[np.zeros(len(x), int)]

    monkeypatch.setattr(Work, "features", lambda *_: judge)
    sums = glo_sums.run({"seed": 0, "attribute": glo_sums.INVERTED}, work)
    assert sums["images"]["attribute"] == 1 and sums["without"]["attribute"] == 0
    assert sums["means"]["class"] == pytest.approx(0.1), "the judge always says 0"
    assert {path.name for path in work.pictures.iterdir()} == {"images.png", "lines.png", "sums-inverted.png"}


def test_a_signal_stops_a_job(tmp_path):
    interrupt = Interrupt()
    interrupt.code = 130
    with pytest.raises(Stopped):
        glo.trained(open_data("strokes"), 0, Work(tmp_path, tmp_path, interrupt, {}))


def judged(experiment, figures):
    return [claim.met for claim in experiment.claims([Result(job, figures) for job in experiment.jobs]) if claim.sign]


def test_every_kind_of_failure_misses_a_claim():
    lines, sums = experiments("glo")
    good = {"L1": 0.04, "L1 of components": 0.06, "uneven": [1.5, 2.0, 9.0]}
    assert judged(lines, good) == [True, True, True]
    assert judged(lines, good | {"L1": 0.055}) == [False, True, True]
    assert judged(lines, good | {"L1 of components": 0.03}) == [True, False, True]
    assert judged(lines, good | {"uneven": [1.5, 4.0, 9.0]}) == [True, True, False]
    shares = {"attribute": 1.0, "class": 0.9, "both": 0.85}
    kinds = dict.fromkeys(("means", "single", "pixels", "images", "again", "without"), shares)
    assert judged(sums, kinds) == [True, True]
    assert judged(sums, kinds | {"means": shares | {"both": 0.79}}) == [False, False]


def test_a_data_set_that_is_too_small_is_refused_before_training(tmp_path, rng):
    path = tmp_path / "few.npz"
    np.savez(path, images=rng.integers(0, 255, (5, 28, 28, 1), np.uint8), labels=np.arange(5))
    work = Work(tmp_path, tmp_path, Interrupt(), {"fashion-mnist": str(path)})
    with pytest.raises(UsageError, match="2000 samples of fashion-mnist"):
        glo.run({"seed": 0}, work)
