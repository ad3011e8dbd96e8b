"""The functions for Python do what the commands do, to the bit, and refuse what these refuse."""

import _thread
import threading
import time

import numpy as np
import pytest

import tinygan
from tinygan.cli import main
from tinygan.errors import DataError, FormatError, UsageError
from tinygan.interface.evaluate import evaluate
from tinygan.interface.sample import sample
from tinygan.interface.train import train
from tinygan.interface.trained_run import load
from tinygan.optim import Adam

SMALL = {"batch": 4, "width": 2, "latent": 4, "progress": False}
WORDS = ["--batch", "4", "--set", "width=2", "--set", "latent=4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train("dcgan", "strokes", tmp_path_factory.mktemp("runs") / "run", 2, **SMALL)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True))


def leaves(state):
    return [a for part in state for a in (leaves(part) if isinstance(part, tuple) else [part])]


def test_a_training_is_that_of_the_command(run, tmp_path, capsys):
    assert main(["train", "--steps", "2", "--out", str(tmp_path / "run"), *WORDS]) == 0
    other = load(tmp_path / "run")
    assert (run.step, run.config) == (other.step, other.config) and same(run.state, other.state)


def test_nothing_is_printed_without_progress_and_lines_with_it(tmp_path, capsys):
    train(out=tmp_path / "quiet", steps=1, **SMALL)
    assert capsys.readouterr() == ("", "")
    train(out=tmp_path / "loud", steps=1, **SMALL | {"progress": True})
    assert "step 1/1" in capsys.readouterr().err


def test_settings_may_be_tables_or_dataclasses(tmp_path):
    a = train(out=tmp_path / "a", steps=1, adam_G={"lr": 1e-3}, **SMALL)
    b = train(out=tmp_path / "b", steps=1, adam_G=a.config.settings.adam_G, **SMALL)
    assert isinstance(a.config.settings.adam_G, Adam) and a.config.settings.adam_G.lr == 1e-3
    assert a.config.settings.adam_G.b1 == a.config.settings.adam_D.b1, "what a table leaves out has its default"
    assert a.config == b.config and same(a.state, b.state)


def test_a_run_resumed_is_one_training(run, tmp_path):
    parts = train(out=tmp_path / "parts", steps=1, **SMALL).resume(2, progress=False, keep=1)
    assert parts.step == 2 and parts.config.keep == 1 and same(parts.state, run.state)
    assert [line["step"] for line in parts.statistics()] == [1, 2]
    with pytest.raises(UsageError, match="is another run: batch: 8 here, 4 in the run"):
        parts.resume(3, batch=8)


def test_samples_are_those_of_the_command_and_of_the_run_in_memory(run, tmp_path, capsys):
    assert main(["sample", str(run.path), "-n", "5", "--seed", "3", "--out", str(tmp_path / "x.npy")]) == 0
    x = np.load(tmp_path / "x.npy")
    assert np.array_equal(x, run.sample(5, 3)) and np.array_equal(x, sample(str(run.path), 5, 3))
    still = load(run)
    assert still is run
    changed = load(run.path)
    changed.state = changed.state._replace(G_ema=0 * changed.state.G_ema)
    assert not np.array_equal(x, changed.sample(5, 3))


def test_a_request_that_a_recipe_does_not_support_is_refused(run):
    with pytest.raises(UsageError, match="dcgan has no classes to choose"):
        run.sample(2, label=3)
    with pytest.raises(UsageError, match="n is at least 1"):
        sample(run, 0)
    with pytest.raises(TypeError, match="lable"):
        sample(run, 2, lable=3)


def test_weights_have_names_and_are_views(run):
    views = run.weights("D")
    assert list(run.nets) == ["D", "G"] and sum(a.size for a in views.values()) == run.state.D.size
    assert all(np.shares_memory(a, run.state.D) for a in views.values())
    with pytest.raises(UsageError, match="dcgan has no net 'E'; its nets are D, G"):
        run.weights("E")
    assert f"{run.path}" in repr(run) and "dcgan on strokes, step 2" in repr(run)


def test_an_evaluation_is_that_of_the_command(run, capsys):
    measures = "frechet,kid"
    assert main(["eval", str(run.path), "-n", "8", "--metrics", measures]) == 0
    table = capsys.readouterr().out
    for images in (run, run.path, str(run.path)):
        made = evaluate(images, metrics=measures.split(","), n=8)
        assert all(f"{value:12.6g}" in table for value in made.scores.values())
    x = run.generated(0).batch(np.arange(8))[0]
    scores = evaluate(x, "strokes", metrics="frechet", n=8).scores
    assert len(scores) == 1 and all(np.isfinite(value) for value in scores.values())


def test_images_that_cannot_be_evaluated_are_refused(run):
    x = run.sample(8)
    with pytest.raises(UsageError, match="the array against what"):
        evaluate(x)
    with pytest.raises(UsageError, match="expected floats in"):
        evaluate(x + 5, run)
    with pytest.raises(UsageError, match=r"expected floats in"):
        evaluate(np.full_like(x, np.nan), run)
    with pytest.raises(UsageError, match="expected images"):
        evaluate(x[0], run)
    with pytest.raises(UsageError, match="n is at least 2"):
        evaluate(x, run, n=1)


def test_bytes_are_pixels(run):
    x = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8)
    a, b = (evaluate(y, run, metrics="frechet", n=8).scores for y in (x, x.astype(np.float32) / 127.5 - 1))
    assert a == b


def test_a_classifier_has_an_accuracy_and_no_samples(tmp_path):
    found = train("classifier", out=tmp_path / "run", steps=1, batch=4, width=2, progress=False)
    assert 0 <= found.accuracy(n=20) <= 1
    with pytest.raises(UsageError, match="classifier makes no samples"):
        found.sample(2)


MISTAKES = [
    ({"recipe": "dcgam"}, UsageError, r"unknown recipe 'dcgam' \(did you mean dcgan\?\)"),
    ({"data": "stroks"}, UsageError, r"'stroks' \(did you mean strokes\?\)"),
    ({"widht": 3}, UsageError, r"unknown key settings.widht \(did you mean width\?\)"),
    ({"bach": 3}, UsageError, r"unknown key bach \(did you mean batch\?\)"),
    ({"batch": "many"}, UsageError, 'batch is "many"; expected a whole number'),
    ({"batch": 0}, UsageError, "batch is 0; expected a whole number"),
    ({"adam_G": {"lr": -1.0}}, UsageError, "settings.adam_G.lr is -1.0"),
    ({"width": np.float32(3)}, UsageError, "expected a whole number"),
]


@pytest.mark.parametrize(("settings", "kind", "words"), MISTAKES, ids=[str(one) for one, _, _ in MISTAKES])
def test_a_mistake_is_refused_before_there_is_a_run(settings, kind, words, tmp_path):
    with pytest.raises(kind, match=words):
        train(out=tmp_path / "run", steps=1, **settings)
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten_and_a_folder_without_one_is_an_error(run, tmp_path):
    with pytest.raises(UsageError, match="holds a run already"):
        train(out=run.path, steps=1, **SMALL)
    with pytest.raises(DataError, match="holds no run"):
        load(tmp_path)
    empty = train(out=tmp_path / "empty", steps=1, **SMALL)
    for path in (empty.path / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(FormatError, match="has no checkpoint yet"):
        load(empty.path)


def test_ctrl_c_saves_and_raises_and_the_run_goes_on(tmp_path):
    """In the main thread, as in a notebook: a signal comes once there are statistics."""
    out = tmp_path / "run"

    def press():
        for _ in range(3000):
            if (out / "stats.jsonl").exists() and (out / "stats.jsonl").read_bytes():
                break
            time.sleep(0.01)
        _thread.interrupt_main()

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(
        KeyboardInterrupt, match=r"stopped at step \d+, saved; go on with tinygan.load\(.*\).resume\(\)"
    ):
        train(out=out, steps=10**6, log_every=1, **SMALL)
    thread.join()
    stopped = load(out)
    assert 1 <= stopped.step < 10**6
    assert stopped.resume(stopped.step + 1, progress=False).step == stopped.step + 1


def test_a_training_may_run_in_another_thread(run, tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(train(out=tmp_path / "run", steps=2, **SMALL)))
    thread.start()
    thread.join()
    assert same(found[0].state, run.state)
    assert tinygan.__version__
