"""Modes in the plane, the landscape of losses, twenty seeds of each system: what is said of figures, and that jobs run."""

import numpy as np
import pytest

from tinygan.data import Sample
from tinygan.errors import Diverged
from tinygan.recipes import RECIPES
from tinygan.reproduce import Result, Work, experiments
from tinygan.reproduce.papers import landscape, stability, toys
from tinygan.reproduce.papers import stacked as stacked_digits
from tinygan.training.interrupt import Interrupt


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path / "runs", tmp_path / "pictures", Interrupt(), {})


RING, GRID = experiments("toys", ("ring", "grid"))


def mixtures(experiment, **figures):
    good = {"modes": 8 if experiment is RING else 25, "high quality": 0.95, "reverse KL": 0.01}
    return [Result(job, good | figures) for job in experiment.jobs]


@pytest.mark.parametrize("experiment", [RING, GRID], ids=["ring", "grid"])
def test_lost_blurred_narrow_or_uneven_modes_miss_a_claim_except_for_the_plain_gan(experiment):
    for figures, claims in (
        ({}, 0),
        ({"modes": 7}, 2),
        ({"high quality": 0.8}, 2),
        ({"high quality": 0.995}, 2 if experiment is RING else 0),
        ({"reverse KL": 0.2}, 2),
    ):
        missed = [claim.what for claim in experiment.claims(mixtures(experiment, **figures)) if not claim.met]
        assert len(missed) == claims and not any(what.startswith("gan:") for what in missed)


def test_a_mixture_is_learned_and_plotted(work, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(toys, "STEPS", {"ring": 4, "grid": 12})
    monkeypatch.setattr(toys, "FRAMES", 2)
    for system in ("gan", "wgan-gp", "packed"):
        figures = toys.run("ring", {"system": system, "seed": 0}, work)
        assert 0 <= figures["high quality"] <= 1
    names = sorted(path.name for path in work.pictures.iterdir())
    assert names == ["ring-gan-000004.png", "ring-gan.gif", "ring-wgan-gp-000004.png", "ring-wgan-gp.gif"]


def test_the_arrow_at_a_point_decreases_the_loss_of_G(rng):
    recipe = RECIPES["gan"].make(RECIPES["gan"].settings(latent=2, dropout=0.0), Sample((2,)))
    state = recipe.init(rng)
    _, points, pull, logit = toys.snapshot(recipe, state, "ring")
    D = recipe.D.eval(state.D_running)

    def loss(x):
        return len(x) * recipe.loss.generator(D.forward(state.D, x)[0])[0]

    h = 1e-3
    assert loss(points + h * pull) < loss(points)
    slope = (loss(points + h * pull) - loss(points - h * pull)) / (2 * h)
    assert slope == pytest.approx(-float((pull**2).sum()), rel=0.02)
    side = toys.SIDE["ring"]
    corner = D.forward(state.D, np.array([[side, -side]], np.float32))[0]
    assert logit[0, -1] == pytest.approx(float(corner[0, 0]), rel=1e-5)  # rows are y, from below


def test_a_cell_of_the_landscape_that_ends_in_a_nan_is_counted_and_is_the_worst(work, monkeypatch):
    def lost(*args, **options):
        raise Diverged("diverged at step 3")

    monkeypatch.setattr(work, "train", lost)
    (experiment,) = experiments("landscape")
    results = [Result(job, {"distance": 5.0 + job["seed"], "floor": 0.1, "diverged": False}) for job in experiment.jobs]
    results[0] = Result(experiment.jobs[0], landscape.run(experiment.jobs[0], work))
    assert results[0].figures["distance"] == landscape.LOST
    found = {claim.what: claim.value for claim in landscape.claims(results)}
    assert found["trainings that ended in a NaN"] == 1 and found["median over all cells with loss hinge"] == 6.0
    assert len(results) == 144


def test_nineteen_of_twenty_seeds_must_finish(work, monkeypatch):
    (experiment,) = experiments("stability")

    def results(lost):
        return [Result(job, {"finished": job["seed"] >= lost, "seconds": 15 + lost - 1}) for job in experiment.jobs]

    assert all(claim.met for claim in stability.claims(results(1)))
    assert not any(claim.met for claim in stability.claims(results(2)))
    monkeypatch.setattr(stability, "STEPS", 1)
    assert all(stability.run({"recipe": name, "seed": 0}, work)["finished"] for name in ("lsgan", "vae"))
    monkeypatch.setattr(work, "train", lambda *a, **k: (_ for _ in ()).throw(Diverged("NaN")))
    assert not stability.run({"recipe": "lsgan", "seed": 0}, work)["finished"]


def test_stacked_digits_are_counted_by_a_judge_of_channels():
    def judge(x):  # a picture's first pixel is its digit
        return None, np.eye(10)[x[:, 0, 0, 0].astype(int)]

    x = np.zeros((3, 8, 8, 3), np.float32)
    x[:, 0, 0] = [[0, 0, 7], [1, 2, 3], [9, 0, 0]]
    assert stacked_digits.modes_of(judge, x).tolist() == [7, 123, 900]


@pytest.mark.parametrize(("figures", "missed"), [((80, 1000, 960), 0), ((80, 900, 960), 1), ((990, 960, 970), 1)])
def test_packed_and_penalised_gans_must_find_the_modes_and_the_plain_gan_fewer(figures, missed):
    (experiment,) = experiments("toys", ("stacked",))
    results = [
        Result(job, {"modes": n, "reverse KL": 0.1, "real": [1000, 0.02]})
        for job, n in zip(experiment.jobs, figures, strict=True)
    ]
    assert sum(not claim.met for claim in experiment.claims(results)) == missed
