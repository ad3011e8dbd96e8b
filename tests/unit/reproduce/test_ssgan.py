"""The experiments of SS-GAN and of conditional systems: what is read off a discriminator, and what is said of figures."""

from contextlib import ExitStack

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.formats.png import write_png
from tinygan.models import sngan
from tinygan.reproduce import Result, Work
from tinygan.reproduce.harness import experiment
from tinygan.reproduce.harness.experiment import Stopped
from tinygan.reproduce.harness.lock import claimed
from tinygan.reproduce.papers import conditional_classes, conditional_truncation, ssgan
from tinygan.reproduce.papers.forgetting_probe import METHODS, block_features, claims
from tinygan.reproduce.papers.ssgan_labels import classifier
from tinygan.training.interrupt import Interrupt

D = sngan.discriminator((32, 32, 3), 4, heads=(1, 4))


@pytest.fixture
def theta(rng):
    return D.init(rng)


def test_a_probe_sees_each_block_by_quarters_of_the_picture(theta, rng):
    x = rng.uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    net = D.bind(D.init_running(theta, rng))
    blocks = block_features(net, theta, x)
    assert [b.shape for b in blocks] == [(3, 16)] * 4
    first = Net(*net.f.children[:1]).forward(theta[: Net(*D.f.children[:1]).size], x)[0]
    assert np.allclose(blocks[0][:, 4:8], first[:, :8, 8:].mean(axis=(1, 2)), atol=1e-6)  # the upper right


def test_the_classifier_of_few_labels_starts_with_the_features_of_D(theta, rng):
    net, shared = classifier(D, 10)
    assert shared == D.size - (4 + 1) - (4 * 4 + 4)
    assert net.size == shared + 4 * 10 + 10
    fresh = net.init(rng)
    given = np.concatenate([theta[:shared], fresh[shared:]])
    x = rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    running = D.init_running(theta, rng)[: net.running_size]
    f = Net(*D.f.children[:-1]).bind(running).forward(theta[:shared], x)[0]
    *_, w, _ = net.view(given).values()
    assert np.allclose(net.bind(running).forward(given, x)[0], f @ w.T, atol=1e-5)


def test_the_closed_gap_is_a_fraction_of_the_gap_to_the_conditional_system():
    distance = {ssgan.PLAIN: 10.0, ssgan.ROTATION: 7.0, ssgan.MODULATED: 6.0, ssgan.CONDITIONAL: 5.0}
    results = [
        Result({"method": m, "seed": s}, {"distance": d, "turns, real": 0.9, "turns, fake": 0.6})
        for m, d in distance.items()
        for s in range(3)
    ]
    found = {c.what: c for c in ssgan.claims(0.95, {"real": 0.85, "fake": 0.70}, {}, results)}
    assert found["SS-GAN / unconditional, ratio of medians"].value == pytest.approx(0.7)
    assert found["gap to the conditional GAN closed by SS-GAN, %"].value == pytest.approx(60)
    assert found["gap to the conditional GAN closed by SS-GAN (sBN), %"].value == pytest.approx(80)
    assert [c.met for c in found.values() if c.sign] == [True, True, False]


def test_the_variance_within_classes_leaves_out_that_between_them():
    x = np.array([[0.0, 2.0], [2.0, 4.0], [100.0, 0.0], [100.0, 0.0]])
    assert conditional_classes.within(x, np.array([0, 0, 1, 1])) == pytest.approx((1 + 1 + 0 + 0) / 2)


def test_precision_must_rise_and_recall_fall_with_each_smaller_tau():
    def judged(precision, recall):
        figures = {"precision": precision, "recall": recall, "variance off": [0.001] * 3}
        return [c.met for c in conditional_truncation.claims([Result({"seed": 0}, figures)]) if c.sign]

    assert judged([0.5, 0.6, 0.7], [0.5, 0.4, 0.3]) == [True, True, True]
    assert judged([0.5, 0.7, 0.6], [0.5, 0.4, 0.4]) == [False, False, True]


def test_a_probe_is_compared_at_the_end_of_training():
    results = [
        Result({"method": m, "seed": 0}, {"steps": [1, 2], "accuracy": [[0.9, 0.9], last]})
        for m, last in zip(METHODS, ([0.5, 0.4], [0.45, 0.6]), strict=True)
    ]
    gains = [c for c in claims(results) if c.sign]
    assert [c.value for c in gains] == pytest.approx([20, 10])


def test_a_data_set_that_is_too_small_is_refused_before_training(tmp_path):
    for k in range(2):
        (tmp_path / "few" / "a").mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / "few" / "a" / f"{k}.png", np.full((28, 28), k, np.uint8))
    work = Work(tmp_path, tmp_path, Interrupt(), {"fashion-mnist": str(tmp_path / "few")})
    with pytest.raises(UsageError, match="5 samples of fashion-mnist, split 'train', are needed; few has 2"):
        work.open("fashion-mnist", least=5)


def test_a_training_that_another_process_runs_is_waited_for(tmp_path, monkeypatch):
    work, waited = Work(tmp_path, tmp_path, Interrupt(), {}), []
    options = {"steps": 1, "batch": 4, "settings": {"width": 2, "latent": 2}}
    work.train("dcgan", "strokes", **options)
    (run,) = (path for path in tmp_path.iterdir() if path.is_dir())
    with ExitStack() as other:
        assert other.enter_context(claimed(tmp_path / f".{run.name}.lock"))
        monkeypatch.setattr(experiment.time, "sleep", lambda seconds: (waited.append(seconds), other.close()))
        _, state = work.train("dcgan", "strokes", **options)
    assert waited == [1] and state.G_memory.t == 1


def test_a_checkpoint_saved_by_a_signal_is_not_in_the_history(tmp_path):
    interrupt = Interrupt()
    work = Work(tmp_path, tmp_path, interrupt, {})
    options = {"steps": 4, "batch": 4, "save_every": 2, "keep": 9, "settings": {"width": 2, "latent": 2}}
    interrupt.code = 130
    with pytest.raises(Stopped):
        work.history("dcgan", "strokes", **options)  # stops at step 0, which it saves
    interrupt.code = 0
    assert [step for step, *_ in work.history("dcgan", "strokes", **options)] == [0, 2, 4]


def test_a_training_gives_its_checkpoints_in_order_and_is_shared(tmp_path):
    work = Work(tmp_path, tmp_path, Interrupt(), {})
    options = {"steps": 3, "batch": 4, "save_every": 1, "keep": 9, "settings": {"width": 2, "latent": 2}}
    states = work.history("dcgan", "strokes", **options)
    assert [step for step, *_ in states] == [1, 2, 3]
    assert len({state.G.tobytes() for *_, state in states}) == 3
    _, state = work.train("dcgan", "strokes", **options)
    assert state.G.tobytes() == states[-1][2].G.tobytes()
    assert work.trained()[-1].endswith("steps 3 to 3")
