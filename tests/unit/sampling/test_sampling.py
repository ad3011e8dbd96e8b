"""Requests for samples: of a class, of a text, truncated, with standing statistics."""

import json

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data.captions import BRIGHTNESS_WORDS
from tinygan.interface.sample import sample
from tinygan.training.checkpoint import earlier_than
from tinygan.training.loading import load_average, load_state
from tinygan.training.run import Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of one step of five systems on strokes."""
    folder = tmp_path_factory.mktemp("runs")
    small = ["--steps", "1", "--batch", "4", "--set", "latent=4"]
    for name in ("gan-cls", "cgan", "dcgan", "lgan", "infogan"):
        assert main(["train", name, *small, "--set", "width=2", "--out", str(folder / name)]) == 0
    plain = ["--set", "norm_G=none", "--set", "width=2", "--out", str(folder / "plain")]
    assert main(["train", "dcgan", *small, *plain]) == 0
    return folder


def test_the_words_are_in_the_checkpoint(runs, monkeypatch):
    monkeypatch.setattr("tinygan.data.open_data", None)
    recipe, _ = load_state(Run.open(runs / "gan-cls"))
    assert recipe.captions.vocabulary == (*BRIGHTNESS_WORDS, *"0123456789")


def test_every_request_has_a_file_of_its_own(runs, capsys):
    lines = ["", "--text dark~3", "--text 3~dark", "--label 3", "--label 4", "--truncation 0.5", "--standing 2"]
    lines += ["--label 3 --truncation 0.5 --standing 1"]
    for line in lines:
        words = [word.replace("~", " ") for word in line.split()]
        assert main(["sample", str(runs / "gan-cls"), "-n", "2", *words]) == 0
    assert len({line.partition(":")[0] for line in capsys.readouterr().out.splitlines()}) == len(lines)
    assert (runs / "gan-cls/samples/sample-n2-seed0-text-dark-3.png").is_file()


def test_a_request_changes_the_images(runs):
    run = Run.open(runs / "gan-cls")
    texts = [sample(run, 3, text=text) for text in ("dark 3", "3 dark", "bright 3")]
    assert np.array_equal(texts[0], texts[1]) and not np.array_equal(texts[0], texts[2])
    for request in (
        {"label": 3},
        {"truncation": 0.1},
        {"standing": 2},
        {"label": 4},
    ):
        assert not np.array_equal(sample(run, 3), sample(run, 3, **request))
        assert np.array_equal(sample(run, 3, **request), sample(run, 3, **request))


def test_truncation_is_of_z_alone(runs, monkeypatch):
    seen = []
    recipe, _ = load_state(Run.open(runs / "cgan"))
    monkeypatch.setattr(type(recipe), "sample", lambda self, state, z: seen.append(z) or np.zeros((len(z), 8, 8, 1)))
    sample(Run.open(runs / "cgan"), 40, label=3, truncation=0.25)
    c, z = np.split(np.concatenate(seen), [recipe.cond_dim], axis=1)
    assert np.array_equal(c, np.tile(np.eye(10)[3], (40, 1)))
    assert np.abs(z).max() <= 0.25 and z.std() > 0.1


MISTAKES = [
    ("gan-cls --text drak~3", "unknown word 'drak' (did you mean dark?); expected words of dark, middle"),
    ("gan-cls --text ~", "no words"),
    ("gan-cls --text dark --label 3", "give one of them"),
    ("gan-cls --label 10", "there is no class 10: they are 0 to 9"),
    ("cgan --label -1", "there is no class -1"),
    ("cgan --text dark", "cgan reads no text: text is for gan-cls"),
    ("dcgan --label 3", "dcgan has no classes to choose: label is for acgan, cgan, gan-cls"),
    ("dcgan --truncation 0", "a truncation is a finite number"),
    ("dcgan --standing 0", "standing is a number of batches, at least 1: got 0"),
    ("plain --standing 1", "no batch norm"),
    ("dcgan --sweep c1", "dcgan has no codes to sweep: sweep is for infogan"),
    ("infogan --sweep c3", "there is no code 'c3': they are c0, c1, c2"),
    ("infogan --sweep 1", "there is no code '1'"),
    ("infogan --sweep c1 -n 3", "sweep makes a grid of its own size: drop -n"),
    ("infogan --sweep c1 --truncation 1", "drop truncation"),
    ("infogan --label 1", "infogan has no classes to choose"),
    ("lgan --truncation 0.5", "truncation is for acgan, cgan"),
    ("lgan --standing 2", "standing is for acgan, cgan"),
]


@pytest.mark.parametrize(("line", "words"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_line_and_writes_nothing(line, words, runs, capsys):
    before = sorted(runs.rglob("*"))
    assert main(["sample", *(word.replace("~", " ") for word in f"{runs}/{line}".split())]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("tinygan: ") and err.count("\n") == 1 and words in err, err
    assert not out and sorted(runs.rglob("*")) == before


def test_training_goes_on_and_other_names_of_classes_are_noticed(runs, capsys, monkeypatch):
    out = str(runs / "gan-cls")
    assert main(["train", "--resume", "--steps", "2", "--out", out]) == 0
    assert json.loads((runs / "gan-cls/stats.jsonl").read_text().splitlines()[-1])["step"] == 2
    monkeypatch.setattr("tinygan.data.strokes.Strokes.classes", tuple("abcdefghij"))
    assert main(["train", "--resume", "--steps", "3", "--out", out]) == 4
    assert 'its names is ["0", "1"' in capsys.readouterr().err


def test_checkpoints_are_averaged_number_by_number_and_steps_are_not(tmp_path, capsys):
    (tmp_path / "c.toml").write_text("save_every = 1\n[settings]\nlatent = 4\nwidth = 2\n")
    words, out = ["--steps", "3", "--batch", "4", "--config", str(tmp_path / "c.toml")], str(tmp_path / "run")
    assert main(["train", "dcgan", *words, "--out", out]) == 0
    run = Run.open(tmp_path / "run")
    states = [load_state(run, path)[1] for path in earlier_than(run.checkpoints, 4)]
    _, mean = load_average(run, 2)
    assert np.allclose(mean.G_ema, (states[-2].G_ema + states[-1].G_ema) / 2, atol=1e-8)
    assert np.allclose(mean.G_running, (states[-2].G_running + states[-1].G_running) / 2)
    assert mean.G_memory.t == 3 and mean.G_ema.dtype == np.float32
    assert main(["sample", out, "-n", "2", "--average", "2"]) == 0
    for n in ("1", str(len(states) + 1)):
        capsys.readouterr()
        assert main(["sample", out, "-n", "2", "--average", n]) == 2
        assert f"at least 2, and {out} has {len(states)}" in capsys.readouterr().err
