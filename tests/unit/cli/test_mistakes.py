"""One clear line for each mistake, which writes and spoils nothing."""

import numpy as np
import pytest

from tinygan.cli import main

MISTAKES = [
    ("train dcgn", 2, "unknown recipe 'dcgn' (did you mean dcgan?)"),
    ("train --data stroks", 2, "(did you mean strokes?)"),
    ("train --dry-run --data stroks", 2, "(did you mean strokes?)"),
    ("train --config recipe.toml", 2, "unknown recipe 5"),
    ("train --config loss.toml", 2, "loss is a setting of the recipe: write it below [settings]"),
    ("train --set adam_G.b1=1", 2, "settings.adam_G.b1 is 1.0; expected a number, at least 0 and below 1"),
    ("train --set adam_G.lr=-1", 2, "settings.adam_G.lr is -1.0; expected a number, at least 0 (learning rate"),
    ("train --set adam_D.lr=nan", 2, "settings.adam_D.lr is nan; expected a number, at least 0"),
    ("train --set clip=nan", 2, "settings.clip is nan; expected a number, at least 0"),
    (
        "train --set width=1000000000000000",
        2,
        "settings.width is 1000000000000000; expected a whole number, 1 to 2,048 (channels",
    ),
    ("train --set adam_G.schedule.end=0.1", 2, "set schedule.kind"),
    ("train --seed 99999999999", 2, "seed is 99999999999; expected a whole number, at least 0 and below 4,294,967,296"),
    ("train --resume --out none", 4, "none holds no run"),
    ("train --resume --out empty", 4, "empty holds no run"),
    ("train --set widht=3", 2, "did you mean width?"),
    ("train --set stepps=3", 2, "unknown key stepps (did you mean steps?)"),
    ("train --set lr=3", 2, "unknown key settings.lr (did you mean adam_G.lr or adam_D.lr?)"),
    ("train one", 2, "one is a path, not a recipe: tinygan train --data one"),
    ("train --set width=wide", 2, 'settings.width is "wide"; expected a whole number'),
    ("train --set loss=hing", 2, "did you mean hinge?"),
    ("train --set width", 2, "expected KEY=VALUE"),
    (
        "train --set adam_G.schedule.over=0",
        2,
        "settings.adam_G.schedule.over is 0; expected a whole number, at least 1",
    ),
    ("train --set width=2 latent=2", 2, "each setting has its own --set"),
    ("train --steps -1", 2, "steps is -1; expected a whole number, at least 0 (training steps)"),
    ("train --batch 0", 2, "batch is 0; expected a whole number, at least 1"),
    ("train --data ring", 2, "convolutions need images"),
    ("train began --data ring", 2, "tinygan: convolutions need images"),
    ("train vae --data ring", 2, "tinygan: vae needs images"),
    ("train --data ./nowhere", 4, "nowhere"),
    ("train --config none.toml", 2, "none.toml"),
    ("train --config bad.toml", 2, "bad.toml"),
    ("train --config key.toml", 2, "unknown key wdith"),
    ("train --resume", 2, "add --out DIR"),
    ("train --out full", 2, "holds no run"),
    ("train --data empty", 4, "empty"),
    ("train --data mixed", 4, "expected one size"),
    ("train --data one --batch 2", 2, "a step takes 2 images and one has 1"),
    ("train --data broken", 4, "broken"),
    ("train --backend cuda", 2, "backend 'cuda' needs "),
    ("train --config exact.toml", 2, 'precision is "exact"; expected one of auto, fast, direct'),
    ("train --data two", 2, "C of 1, 3 or 4"),
    ("sample none", 4, "none holds no run"),
    ("sample full", 4, "full holds no run"),
    ("data stroks", 2, "unknown data 'stroks'"),
    ("recipes dcgn", 2, "did you mean dcgan?"),
    ("check --draws 0", 2, "--draws is at least 1"),
]


@pytest.fixture
def littered(home):
    """A working directory with files to trip over."""
    from tinygan.formats.idx import write_idx
    from tinygan.formats.png import write_png

    (home / "bad.toml").write_text("steps = = 3")
    (home / "key.toml").write_text("wdith = 3")
    (home / "recipe.toml").write_text("recipe = 5")
    (home / "loss.toml").write_text('loss = "hinge"')
    (home / "exact.toml").write_text('precision = "exact"')
    for name in ("full", "empty", "mixed", "one", "broken"):
        (home / name).mkdir()
    (home / "full/notes.txt").write_text("keep me")
    write_png(home / "mixed/a.png", np.zeros((8, 8, 1), np.uint8))
    write_png(home / "mixed/b.png", np.zeros((8, 9, 1), np.uint8))
    write_png(home / "one/a.png", np.zeros((8, 8, 1), np.uint8))
    (home / "two").mkdir()
    write_idx(home / "two/train-images-idx3-ubyte", np.zeros((8, 8, 8, 2), np.uint8))
    write_idx(home / "two/train-labels-idx1-ubyte", np.zeros(8, np.uint8))
    (home / "broken/a.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    return home


@pytest.mark.parametrize(("line", "code", "phrase"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_one_line_and_writes_nothing(line, code, phrase, littered, capsys, monkeypatch):
    monkeypatch.setenv("TINYGAN_OFFLINE", "1")
    before = sorted(littered.rglob("*"))
    assert main(line.split()) == code
    out, err = capsys.readouterr()
    assert err.startswith("tinygan: ") and err.count("\n") == 1, err
    assert phrase in err
    assert not out
    assert sorted(littered.rglob("*")) == before


@pytest.mark.parametrize(
    "line", ["train --steps many", "train --backend fast", "train --precision exact", "tarin", "sample"]
)
def test_what_the_grammar_refuses_is_one_line_too(line, capsys):
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    err = capsys.readouterr().err
    assert caught.value.code == 2
    assert err.startswith("tinygan: ") and err.count("\n") == 1 and "--help" in err


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def copy(run, old, new):
    data = (run / f"checkpoints/{old}.safetensors").read_bytes()
    (run / f"checkpoints/{new}.safetensors").write_bytes(data)


IN_A_RUN = [
    (lambda run: None, "train RUN", 2, "RUN is a path, not a recipe: tinygan train --resume --out RUN"),
    (lambda run: None, "train --out RUN", 2, "holds a run already: add --resume"),
    (lambda run: None, "train --out RUN --resume --set width=3", 2, "settings.width: 3 here, 2 in the run"),
    (
        lambda run: None,
        "train --out RUN --resume --data fashion-mnist",
        2,
        'data: "fashion-mnist" here, "strokes" in the run',
    ),
    (lambda run: flip(run / "checkpoints/000003.safetensors", -9), "train --out RUN --resume", 4, "000003.safetensors"),
    (lambda run: flip(run / "checkpoints/000003.safetensors", -9), "sample RUN", 4, "000003.safetensors"),
    (lambda run: (run / "checkpoints/000003.safetensors").write_bytes(b""), "sample RUN", 4, "000003.safetensors"),
    (lambda run: (run / "checkpoints/000003.safetensors").unlink(), "sample RUN", 4, "has no checkpoint yet"),
    (lambda run: (run / "config.toml").write_text("steps = "), "sample RUN", 2, "config.toml"),
    (lambda run: (run / "stats.jsonl").write_text("[]\n"), "train --out RUN --resume", 4, "stats.jsonl is damaged"),
    (lambda run: None, "train --out RUN --resume --steps 1", 2, "is at step 3 already"),
    (lambda run: copy(run, "000003", "000900"), "train --out RUN --resume", 4, "its step is 3, expected 900"),
    (lambda run: None, "train --out RUN --resume --precision direct", 2, 'precision: "direct" here, "fast" in the run'),
    (lambda run: None, "sample RUN/samples", 4, "RUN/samples holds no run (no config.toml) (did you mean RUN?)"),
    (lambda run: None, "sample RUN -n 0", 2, "-n is 1 to"),
    (lambda run: None, "sample RUN -n 1000000000000000000000", 2, "-n is 1 to"),
    (lambda run: None, "sample RUN --out picture.gif", 2, "ends in .png or .npy"),
    (lambda run: None, "sample RUN --out none/picture.png", 4, "cannot write none/picture.png"),
]


@pytest.mark.parametrize(("spoil", "line", "code", "phrase"), IN_A_RUN, ids=[f"{m[1]}: {m[3][:20]}" for m in IN_A_RUN])
def test_a_mistake_with_a_run_is_one_line_and_spoils_nothing(spoil, line, code, phrase, run, capsys):
    spoil(run)
    kept = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "train.log"}
    assert main(line.split()) == code
    err = capsys.readouterr().err
    assert err.startswith("tinygan: ") and err.count("\n") == 1, err
    assert phrase in err
    assert kept == {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "train.log"}
