"""Forgetting: batches are of their tasks, steps follow their loss, jobs are exact, claims say what falls short."""

import json

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.data.labelled_subset import classes_of
from tinygan.errors import Diverged, UsageError
from tinygan.images.rotation import rotate
from tinygan.objectives.losses import cross_entropy, logistic_d
from tinygan.optim import SGD
from tinygan.reproduce import Result, Work, experiments
from tinygan.reproduce.harness.experiment import Stopped
from tinygan.reproduce.papers.forgetting_tasks import WITH, WITHOUT, Course, claims, draw, figures, run
from tinygan.reproduce.papers.online import Learner, Tasks
from tinygan.training.interrupt import Interrupt

SMALL = Course("strokes", tasks=10, period=4, after=2, bin=2, batch=8, width=2, beta=1.0, lr=1e-3, b1=0.5)


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path, tmp_path, Interrupt(), {})


class Few:
    """Two images of each of three classes; each pixel is the class."""

    name, shape, classes, size = "few", (8, 8, 1), ("a", "b", "c"), 6

    def batch(self, index):
        label = np.asarray(index) // 2
        return np.broadcast_to(label[:, None, None, None], (len(label), *self.shape)).astype(np.float32), {
            "class": label
        }


def test_a_batch_is_half_of_its_class_and_half_of_all_others():
    tasks = Tasks(Few(), period=3, size=40, seed=0)
    for step, k in enumerate([0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]):
        label = tasks.batch(step)[:, 0, 0, 0]
        assert (label[:20] == k).all()
        assert set(label[20:]) == {0, 1, 2} - {k}
    assert np.array_equal(tasks.batch(5), Tasks(Few(), 3, 40, 0).batch(5))
    assert not np.array_equal(tasks.batch(0), tasks.batch(1))
    assert not np.array_equal(tasks.batch(0), Tasks(Few(), 3, 40, 1).batch(0))


def test_tasks_need_halves_and_every_class():
    with pytest.raises(UsageError, match="an even batch"):
        Tasks(Few(), 3, 7, 0)
    lonely = Few()
    lonely.classes = ("a", "b", "c", "d")
    with pytest.raises(UsageError, match="at least two classes; got batch 8 of few"):
        Tasks(lonely, 3, 8, 0)


def objective(learner, theta, running, x):
    """The loss of the module's docstring, written out: every rotation on its own."""
    net = learner.net.bind(running)
    y = net.forward(theta, x)[0]
    half = len(x) // 2
    value = logistic_d(y[:half, :1], y[half:, :1])[0]
    if learner.beta:
        turned = [net.forward(theta, rotate(x[::4], k))[0][:, 1:] for k in range(4)]
        value += learner.beta * np.mean([cross_entropy(r, np.full(len(r), k))[0] for k, r in enumerate(turned)])
    return value


@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_a_step_goes_down_the_loss(rng, beta):
    """By SGD with rate 1 the step is the gradient: against central differences along it and along another direction."""
    learner = Learner((8, 8, 1), 2, beta, SGD(lr=1.0))
    theta = learner.net.init(rng, np.float64)
    state = learner.init(rng)._replace(f=theta, running=learner.net.init_running(theta, rng))
    state = state._replace(memory=learner.adam.init(theta))
    x = rng.uniform(-1, 1, (8, 8, 8, 1))
    before = x.copy()
    after, log = learner.step(state, x)
    g = state.f - after.f
    for way in (g / np.linalg.norm(g), rng.normal(size=g.shape) / np.sqrt(g.size)):
        h = 1e-6
        ends = [objective(learner, state.f + e * way, state.running, x) for e in (h, -h)]
        assert abs((ends[0] - ends[1]) / (2 * h) - g @ way) <= 1e-6 * max(1, np.linalg.norm(g))
    assert np.array_equal(x, before)
    y = learner.net.bind(state.running).forward(state.f, x)[0][:, 0]
    assert log["accuracy"] == np.mean(np.r_[y[:4] > 0, y[4:] <= 0])
    assert ("rotation accuracy" in log) == bool(beta)


@pytest.mark.slow
def test_a_job_gives_the_same_figures_again(work):
    for rotation in (WITH, WITHOUT):
        first, again = (run(SMALL, {"seed": 0, "rotation": rotation}, work) for _ in range(2))
        assert first == again == json.loads(json.dumps(first))
        assert len(first["curve"]) == 2 * 10 * 4 / 2 and ("rotation" in first) == (rotation == WITH)
        assert all(0 <= value <= 1 for value in first["curve"])


def test_figures_are_means_of_the_steps_after_switches():
    accuracy = np.zeros(80)
    accuracy[0:2] = 1.0  # the first task follows no switch
    accuracy[4:6] = 0.9
    accuracy[40:42] = 0.5
    found = figures(SMALL, accuracy)
    assert found["after a switch"] == pytest.approx([0.9 / 9, 0.05])
    assert found["curve"][:3] == [1.0, 0.0, 0.9] and found["after each switch"][1][0] == 0.5


def test_a_signal_ends_a_job(work):
    work._interrupt.code = 130
    with pytest.raises(Stopped):
        run(SMALL, {"seed": 0, "rotation": WITH}, work)


def test_a_diverged_training_is_reported(work):
    with np.errstate(all="ignore"), pytest.raises(Diverged, match="lower learning rate"):
        run(SMALL._replace(lr=1e38), {"seed": 0, "rotation": WITHOUT}, work)


def test_the_number_of_tasks_must_be_the_number_of_classes(work):
    with pytest.raises(UsageError, match="the tasks need 9 classes; strokes has 10"):
        run(SMALL._replace(tasks=9), {"seed": 0, "rotation": WITH}, work)


def results(gain):
    """With the loss ``gain`` more in cycle 2, of seed 2 half a point less than that."""
    return [
        Result(
            {"seed": seed, "rotation": r}, {"after a switch": [0.5, 0.5 + (gain - 0.005 * (seed == 2)) * (r == WITH)]}
        )
        for seed in range(3)
        for r in (WITH, WITHOUT)
    ]


@pytest.mark.parametrize(("gain", "met"), [(0.056, True), (0.054, False)])
def test_every_seed_must_gain(gain, met):
    found = claims({WITH: ("", "a paper"), WITHOUT: ("", "")}, results(gain))
    assert found[-1].met == met and found[-1].value == pytest.approx(100 * gain - 0.5)
    assert found[1].published == "a paper" and found[1].value == pytest.approx(50 + 100 * gain)


def test_the_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    curve = {"curve": np.linspace(0.4, 1, 40).tolist()}
    found = [Result({"seed": seed, "rotation": r}, curve) for seed in range(3) for r in (WITH, WITHOUT)]
    (path,) = draw(SMALL, found, tmp_path)
    assert path.is_file()


def test_the_experiment_has_three_seeds_of_both_methods():
    (tasks,) = experiments("forgetting", ("tasks",))
    assert [(job["seed"], job["rotation"]) for job in tasks.jobs] == [(s, r) for s in range(3) for r in (WITH, WITHOUT)]
    assert json.loads(json.dumps(tasks.settings)) == tasks.settings
    assert tasks.settings["period"] % tasks.settings["bin"] == 0


def test_the_classes_of_a_set_are_those_of_its_batches():
    data = open_data("strokes")
    assert np.array_equal(classes_of(data)[:50], data.batch(np.arange(50))[1]["class"])
